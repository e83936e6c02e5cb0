/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registry is read by a signal handler in the middle of anything, so it
 * takes no lock there: blocks of slots that are never freed, each slot under
 * a sequence count. The slot of the address at hand cannot change under the
 * handler (its owner is the thread that stands in it); the count keeps it from
 * believing half of another one.
 */
#include "config.h"

#include "vdevices/guard.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	BLOCK = 64,
};

struct guard {
	_Atomic unsigned int seq; /* odd: being changed */
	_Atomic uintptr_t begin, end;
	_Atomic size_t page;
	_Atomic(_Atomic bool *) hit;
	bool used; /* under the lock */
};

struct block {
	struct guard slot[BLOCK];
	struct block *_Atomic next;
};

/* One signal handler in a process, so one registry. */
static struct block first;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct sigaction before;

/* Not mmap(): sanitizers wrap it, and their wrapper is not for handlers. */
static bool map_zeroes(uintptr_t at, size_t len)
{
#ifdef SYS_mmap
	long nr = SYS_mmap;
#else
	long nr = SYS_mmap2;
#endif
	return syscall(nr, at, len, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE,
		       -1, 0L) == (long)at;
}

/*
 * Zeroes from the page at @addr to the end: what follows the end of a truncated
 * file is gone as well, and one mapping instead of one a page keeps a hostile
 * guest from using up the process's map count.
 */
static bool cover(struct guard *g, uintptr_t addr)
{
	unsigned int seq = atomic_load_explicit(&g->seq, memory_order_acquire);
	uintptr_t begin = atomic_load(&g->begin);
	uintptr_t end = atomic_load(&g->end);
	size_t page = atomic_load(&g->page);
	_Atomic bool *hit = atomic_load(&g->hit);
	uintptr_t at;

	if (seq & 1 || seq != atomic_load(&g->seq) || addr < begin ||
	    addr >= end) {
		return false;
	}
	at = addr & ~(uintptr_t)(page - 1);
	if (!map_zeroes(at, end - at) && !map_zeroes(at, page)) {
		return false;
	}
	atomic_store(hit, true);
	return true;
}

static void hand_on(int sig, siginfo_t *info, void *uc)
{
	if (before.sa_flags & SA_SIGINFO) {
		before.sa_sigaction(sig, info, uc);
	} else if (before.sa_handler == SIG_DFL ||
		   (before.sa_handler == SIG_IGN && info->si_code > 0)) {
		/* as if we were not there: the access is repeated, a signal
		 * that was sent is sent again */
		signal(sig, SIG_DFL);
		if (info->si_code <= 0) {
			raise(sig);
		}
	} else if (before.sa_handler != SIG_IGN) {
		before.sa_handler(sig);
	}
}

static void on_sigbus(int sig, siginfo_t *info, void *uc)
{
	int saved = errno;
	bool ours = false;

	if (info->si_code > 0) {
		uintptr_t addr = (uintptr_t)info->si_addr;

		for (struct block *b = &first; b && !ours;
		     b = atomic_load(&b->next)) {
			for (int i = 0; i < BLOCK && !ours; i++) {
				ours = cover(&b->slot[i], addr);
			}
		}
	}
	if (!ours) {
		hand_on(sig, info, uc);
	}
	errno = saved;
}

/* Again with every mapping: somebody may have set another handler since. */
static void install(void)
{
	struct sigaction sa = { .sa_flags = SA_SIGINFO | SA_ONSTACK };
	struct sigaction now;

	sigaction(SIGBUS, NULL, &now);
	if (now.sa_flags & SA_SIGINFO && now.sa_sigaction == on_sigbus) {
		return;
	}
	before = now;
	sa.sa_sigaction = on_sigbus;
	sigemptyset(&sa.sa_mask);
	sigaction(SIGBUS, &sa, NULL);
}

/* Caller holds the lock. */
static struct guard *free_slot(void)
{
	struct block *b = &first;

	for (;;) {
		struct block *next;

		for (int i = 0; i < BLOCK; i++) {
			if (!b->slot[i].used) {
				return &b->slot[i];
			}
		}
		next = atomic_load(&b->next);
		if (!next) {
			next = calloc(1, sizeof(*next));
			if (!next) {
				return NULL;
			}
			atomic_store(&b->next, next);
		}
		b = next;
	}
}

/* Caller holds the lock. */
static void set_slot(struct guard *g, uintptr_t begin, uintptr_t end,
		     size_t page, _Atomic bool *hit)
{
	atomic_fetch_add(&g->seq, 1);
	atomic_store(&g->begin, begin);
	atomic_store(&g->end, end);
	atomic_store(&g->page, page);
	atomic_store(&g->hit, hit);
	atomic_fetch_add(&g->seq, 1);
}

struct guard *guard_add(void *addr, size_t len, size_t page, _Atomic bool *hit)
{
	sigset_t bus;
	struct guard *g;

	pthread_mutex_lock(&lock);
	install();
	g = free_slot();
	if (g) {
		g->used = true;
		set_slot(g, (uintptr_t)addr, (uintptr_t)addr + len, page, hit);
	}
	pthread_mutex_unlock(&lock);
	sigemptyset(&bus);
	sigaddset(&bus, SIGBUS);
	pthread_sigmask(SIG_UNBLOCK, &bus, NULL);
	return g;
}

void guard_remove(struct guard *g)
{
	if (!g) {
		return;
	}
	pthread_mutex_lock(&lock);
	set_slot(g, 0, 0, 1, NULL);
	g->used = false;
	pthread_mutex_unlock(&lock);
}
