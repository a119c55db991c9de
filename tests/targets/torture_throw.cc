/* SPDX-License-Identifier: MIT */
/*
 * torture_throw.cc - exceptions that pass through functions that are probed
 */
extern "C" {
int t_thrower(int n);
int t_thrown_through(int n);
int torture_throw(int n);
}

static thread_local int destroyed;

struct guard {
	~guard()
	{
		destroyed++;
	}
};

/* Throws what it is given, if that is odd. */
extern "C" __attribute__((noinline)) int t_thrower(int n)
{
	if (n & 1)
		throw n;
	return n * 2;
}

extern "C" __attribute__((noinline)) int t_thrown_through(int n)
{
	guard g;

	return t_thrower(n) + 1;
}

/* 1 if the exception, or the value, and the destructor came as they should. */
extern "C" int torture_throw(int n)
{
	int before = destroyed;
	bool right;

	try {
		right = t_thrown_through(n) == n * 2 + 1 && !(n & 1);
	} catch (int got) {
		right = got == n && (n & 1);
	}
	return right && destroyed == before + 1;
}
