#!/busybox sh
# shellcheck shell=dash disable=SC2016,SC2119 # a $ is the command's
# SPDX-License-Identifier: MIT
# sqlite.sh - Debian's sqlite3 of arm64, and its library, from the beginning
#
# Runs in the guest of scripts/check-arm64-linux.
# shellcheck source=tests/tool/arm64/lib/guest.sh
. /guest.sh

many=$(seq 200 | sed 's/.*/insert into t values (&);/')
rows="create table t (n integer); $many select sum(n) from t;"

echo 'TAP version 13'
said=$(/trapline count sqlite3_prepare_v2 -o /tmp/tool.out -- \
	/usr/bin/sqlite3 :memory: "$rows" 2>/tmp/tool.err)
status=$?
ok a_new_program_answers_as_ever says 20100 0
said=$(cat /tmp/tool.out)
count=$(awk '/sqlite3_prepare_v2$/ { print $1 }' /tmp/tool.out)
ok each_statement_is_counted [ "${count:-0}" -ge 202 ]
said=$(/trapline trace 'sqlite3_prepare_v2 +0($arg2):string' -o /tmp/tool.out -- \
	/usr/bin/sqlite3 :memory: "$rows" 2>/tmp/tool.err)
status=$?
ok it_answers_while_it_is_traced says 20100 0
said=$(tail -n 5 /tmp/tool.out)
ok each_statement_is_shown [ "$(sed -n \
	's/.*"insert into t values (\([0-9]*\));.*/\1/p' /tmp/tool.out | sort -u |
	wc -l)" = 200 ]
ok as_often_as_it_was_counted says "${count:-0} events, 0 lost" 0
summary
