#!/bin/bash
# SPDX-License-Identifier: MIT
# deps.sh - `make deps` installs what is missing, and nothing else happens
#
# With a dpkg-query and an apt-get of its own in front of the real ones.

# shellcheck source=tests/lib/tap.sh
source "$(dirname "$0")/../lib/tap.sh"
cd "$top" || exit 1
export POLICY_RC_D=$tmp/policy-rc.d log=$tmp/log state=$tmp/state

mkdir "$tmp/bin"
cat >"$tmp/bin/dpkg-query" <<'END'
#!/bin/sh
for package; do :; done
grep -qx "$package" "$state.missing" && exit 1
echo installed
END
cat >"$tmp/bin/apt-get" <<'END'
#!/bin/sh
echo "apt-get $*" >>"$log"
[ -e "$POLICY_RC_D" ] && ! "$POLICY_RC_D" && echo "services forbidden" >>"$log"
case $1 in
update) rm -f "$state.broken"; exit 0 ;;
esac
[ ! -e "$state.broken" ]
END
printf '#!/bin/sh\nshift; exec "$@"\n' >"$tmp/bin/sudo"
chmod +x "$tmp"/bin/*

# Run deps with the packages of $1 missing; its output is in $out.
deps() {
	rm -f "$log"
	touch "$log"
	tr ' ' '\n' <<<"$1" >"$state.missing"
	out=$(PATH=$tmp/bin:$PATH scripts/deps 2>&1 </dev/null)
}

deps ''
is 'nothing missing: it says so' "$out" 'deps: every package is there'
is 'nothing missing: nothing is run' "$(cat "$log")" ''

deps 'golang-go redis-server'
like 'what is missing is named' "$out" 'missing: redis-server golang-go'
like 'it is installed without a question' "$(cat "$log")" \
	'apt-get install -y .* redis-server golang-go'
like 'no service is started meanwhile' "$(cat "$log")" 'services forbidden'
ok 'the ban on services is lifted again' test ! -e "$POLICY_RC_D"

touch "$state.broken"
deps 'golang-go'
like 'old package lists are refreshed' "$(cat "$log")" 'apt-get update'
like 'and then it works' "$out" 'deps: installed'

printf '#!/bin/sh\nexit 101\n# theirs\n' >"$POLICY_RC_D"
chmod +x "$POLICY_RC_D"
deps 'golang-go'
ok 'a policy that was there stays' grep -q theirs "$POLICY_RC_D"

sed -i 's/update) .*/update) ;;/; $d' "$tmp/bin/apt-get"
echo 'exit 100' >>"$tmp/bin/apt-get"
deps 'golang-go'
like 'a failure says what to look at' "$out" 'could not install: golang-go'

finish
