"""The settings with which the embedded PostgreSQL server starts, fitted to the machine at every start.

They go on the server's command line: nothing in the cluster's own files can quietly undo the ones that
protect data (durability, the private socket, a log without personal data). Who wants others brings a
server of their own with --database-url.
"""

import os
import shutil
from pathlib import Path

MB = 1024**2
GB = 1024**3


def server_settings(data_dir: Path, socket_dir: Path, *, lz4: bool) -> dict[str, str]:
    """Return names and values as PostgreSQL takes them; `lz4` says whether this build knows it."""
    memory = memory_bytes()
    # A tenth of what is free, so that a long import cannot fill the disk with WAL alone.
    max_wal = max(GB, min(8 * GB, shutil.disk_usage(data_dir).free // 10))
    return {
        "listen_addresses": "",
        "unix_socket_directories": f'"{socket_dir}"',
        "unix_socket_permissions": "0700",
        "port": "5432",
        "max_connections": "100",
        "shared_buffers": _megabytes(min(memory // 4, 2 * GB)),
        "effective_cache_size": _megabytes(memory * 6 // 10),
        "work_mem": "64MB",
        "maintenance_work_mem": "256MB",
        # Not /dev/shm, of which a container has 64 MB, and a parallel query needs more: System V segments
        # have no such bound. Huge pages that a container may see but not use end in SIGBUS.
        "dynamic_shared_memory_type": "sysv",
        "huge_pages": "off",
        "random_page_cost": "1.1",
        "jit": "off",
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "wal_compression": "lz4" if lz4 else "off",
        "max_wal_size": _megabytes(max_wal),
        "min_wal_size": _megabytes(min(GB, max_wal // 4)),
        "checkpoint_timeout": "15min",
        "timezone": "UTC",
        **_log_settings(),
    }


def _log_settings() -> dict[str, str]:
    """Keep personal data out of the server's log.

    An ERROR may quote a value (`invalid input syntax for type …: "…"`), its DETAIL a whole key. Errors go to
    the client anyway, so the log holds only what the server says of itself: LOG, FATAL and PANIC, tersely.
    """
    return {
        "log_destination": "stderr",
        "logging_collector": "off",
        "log_timezone": "UTC",
        "log_min_messages": "log",
        "log_error_verbosity": "terse",
        "log_min_error_statement": "panic",
        "log_statement": "none",
        "log_duration": "off",
        "log_min_duration_statement": "-1",
        "log_min_duration_sample": "-1",
        "log_transaction_sample_rate": "0",
        "log_parameter_max_length": "0",
        "log_parameter_max_length_on_error": "0",
    }


def memory_bytes() -> int:
    """Tell the machine's memory, or what the control group (a container, a systemd unit) leaves of it."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return physical
    limits = [limit for line in lines for limit in _group_limits(line)]
    return min([physical, *limits])


def _group_limits(line: str) -> list[int]:
    """Read the limits on the way up from a line of /proc/self/cgroup, version 2 (`0::/path`) or 1."""
    hierarchy, controllers, path = line.split(":", 2)
    if hierarchy == "0":
        root, name = Path("/sys/fs/cgroup"), "memory.max"
    elif "memory" in controllers.split(","):
        root, name = Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"
    else:
        return []
    group = root / path.lstrip("/")
    limits = []
    for folder in (group, *group.parents):
        try:
            text = (folder / name).read_text().strip()
        except OSError:  # the container sees its own group as the root
            continue
        if text.isdigit():  # the other value is "max"
            limits.append(int(text))
    return limits


def _megabytes(size: int) -> str:
    return f"{size // MB}MB"
