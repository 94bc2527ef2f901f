"""The system calls a sandboxed Python program may make; everything else fails with EPERM.

An allow-list of our own, smaller than Docker's default profile: no ptrace, mounts, namespaces,
keyrings, bpf, perf_event_open, io_uring, userfaultfd, System V IPC, message queues, extended
attributes, clock or scheduler settings, and no 32-bit calls. Left out because they keep state after
the run, reach another process, or widen the kernel surface. Under gVisor the profile is ignored.
"""

from __future__ import annotations

import json

_FILES = """
    access chdir chmod close close_range copy_file_range creat dup dup2 dup3 eventfd eventfd2
    epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait faccessat faccessat2
    fadvise64 fallocate fchdir fchmod fchmodat fchmodat2 fcntl fdatasync flock fstat fstatfs fsync
    ftruncate futimesat getcwd getdents getdents64 inotify_add_watch inotify_init inotify_init1
    inotify_rm_watch ioctl lgetxattr getxattr fgetxattr link linkat listxattr llistxattr flistxattr
    lseek lstat memfd_create mkdir mkdirat mknod mknodat newfstatat open openat openat2 pipe pipe2
    poll ppoll pread64 preadv preadv2 pselect6 pwrite64 pwritev pwritev2 read readahead readlink
    readlinkat readv rename renameat renameat2 rmdir select sendfile splice stat statfs statx
    symlink symlinkat sync_file_range tee truncate umask unlink unlinkat utime utimensat utimes
    vmsplice write writev
"""
_MEMORY = """
    brk madvise membarrier mincore mlock mlock2 mmap mprotect mremap msync munlock munmap
"""
_PROCESSES = """
    arch_prctl execve exit exit_group fork futex futex_waitv get_robust_list getegid geteuid getgid
    getgroups getpgid getpgrp getpid getppid getpriority getresgid getresuid getrlimit getrusage
    getsid gettid getuid kill pidfd_open pidfd_send_signal prctl restart_syscall rseq
    sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getparam
    sched_getscheduler sched_rr_get_interval sched_yield set_robust_list set_tid_address setpgid
    setrlimit setsid sysinfo tgkill times tkill uname vfork wait4 waitid
"""
_SIGNALS_AND_TIME = """
    alarm clock_getres clock_gettime clock_nanosleep getcpu getitimer getrandom gettimeofday
    nanosleep pause rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn
    rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo setitimer sigaltstack signalfd signalfd4 time
    timer_create timer_delete timer_getoverrun timer_gettime timer_settime timerfd_create
    timerfd_gettime timerfd_settime
"""
_SOCKETS = """
    accept accept4 bind connect getpeername getsockname getsockopt listen recvfrom recvmmsg recvmsg
    sendmmsg sendmsg sendto setsockopt shutdown socketpair
"""
_SOCKET_FAMILIES = (1, 2, 10)  # AF_UNIX, AF_INET, AF_INET6: no netlink, vsock, packet or crypto
_CLONE_NAMESPACES = 0x7E020000  # every CLONE_NEW* flag
_ENOSYS = 38


def seccomp_profile() -> str:
    """The profile as the JSON text that the Docker API takes in `security_opt`."""
    names = " ".join((_FILES, _MEMORY, _PROCESSES, _SIGNALS_AND_TIME, _SOCKETS)).split()
    rules: list[dict[str, object]] = [{"names": sorted(names), "action": "SCMP_ACT_ALLOW"}]
    for family in _SOCKET_FAMILIES:
        rules.append(_allow_if("socket", 0, family, "SCMP_CMP_EQ"))
    rules.append(_allow_if("clone", 0, _CLONE_NAMESPACES, "SCMP_CMP_MASKED_EQ"))
    for name in ("prlimit64", "sched_setaffinity"):  # of the caller, never of PID 1
        rules.append(_allow_if(name, 0, 0, "SCMP_CMP_EQ"))
    # glibc then falls back to clone, whose flags a filter can see.
    rules.append({"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": _ENOSYS})
    return json.dumps({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": rules})


def _allow_if(name: str, index: int, value: int, operator: str) -> dict[str, object]:
    argument = {"index": index, "value": value, "valueTwo": 0, "op": operator}
    return {"names": [name], "action": "SCMP_ACT_ALLOW", "args": [argument]}
