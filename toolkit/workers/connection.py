"""A connection to a Ray cluster: found, refused in a sentence, and left."""

import os
import signal
import socket
import threading
from contextlib import suppress
from typing import Any

from speechlip.errors import OptionError
from speechlip.workers.cluster import RayCluster, refuse_client

START = (
    "start one with `ray start --head`, or give --ray-address local for one of this machine alone; for one "
    "that asks for a token set RAY_AUTH_MODE=token"
)
ANSWER_S = 10.0
TOKENS = "RAY_AUTH_MODE"
"""Whether this process asks for a token of whoever speaks to it, and shows its own."""


def connect(ray: Any, cluster: RayCluster) -> bool:
    """Connect to the cluster, unless this process is; whether it did. Raises OptionError where there is none.

    Ray would take SIGTERM over; it stays with whoever had it.
    """
    if ray.is_initialized():
        return False
    refuse_no_cluster(cluster)
    ask_for_tokens_as_the_environment_says()
    main = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGTERM) if main else None
    try:
        ray.init(
            address=cluster.address,
            log_to_driver=False,
            logging_level="error",
            namespace="speechlip",
            **({"include_dashboard": False} if cluster.address == "local" else {}),
        )
    except (ray.exceptions.RayError, RuntimeError, ValueError, OSError) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise OptionError(f"no Ray cluster at {cluster.address!r} ({said}); {START}") from error
    finally:
        if handler is not None:
            signal.signal(signal.SIGTERM, handler)
    return True


def refuse_no_cluster(cluster: RayCluster) -> None:
    """Raise OptionError where nothing answers at the cluster's address, which takes milliseconds to see."""
    try:
        address = address_by_ray() if cluster.address == "auto" else cluster.address
    except ConnectionError as error:
        raise OptionError(
            f"no Ray cluster runs on this machine, and RAY_ADDRESS names none; {START}"
        ) from error
    refuse_client(address)
    refuse_silence(address)


def address_by_ray() -> str:
    """Where Ray itself would connect to: of RAY_ADDRESS, of a process that runs here, or as the last `ray
    start` left it, which may be dead; empty where it does not say. Raises ConnectionError for none.
    """
    try:
        from ray._private.services import get_ray_address_from_environment

        return get_ray_address_from_environment("auto", None) or ""
    except (ImportError, AttributeError, TypeError):  # private
        return os.environ.get("RAY_ADDRESS", "")


def refuse_silence(address: str) -> None:
    """Raise OptionError where nothing answers at HOST:PORT: Ray itself would ask for minutes."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=ANSWER_S).close()
    except (OSError, OverflowError) as error:
        raise OptionError(f"no Ray cluster at {address!r} ({error}); {START}") from error


def refuse_other_tokens(ray: Any) -> None:
    """Raise OptionError where this process asks for tokens and the cluster's workers bring none: nothing
    that they say of a unit would be heard.
    """
    if tokens_there() != "token":
        return
    if ray.get(ray.remote(num_cpus=0)(tokens_there).remote()) != "token":
        raise OptionError(
            "the Ray cluster was started without tokens, and this machine has one (~/.ray/auth_token): set "
            f"{TOKENS}=disabled, or start the cluster again"
        )


def tokens_there() -> str:
    return os.environ.get(TOKENS, "").lower()


def room_for(ray: Any, cluster: RayCluster) -> int:
    """Units that the nodes have room for. Raises OptionError where no node has room for one."""
    wanted = {"CPU": cluster.cpus_per_unit, "GPU": cluster.gpus_per_unit}
    nodes = [node.get("Resources", {}) for node in ray.nodes() if node.get("Alive")]
    room = sum(
        min((int(node.get(kind, 0) / each) for kind, each in wanted.items() if each), default=1)
        for node in nodes
    )
    if nodes and not room:
        most = {kind: max(node.get(kind, 0) for node in nodes) for kind in wanted}
        raise OptionError(
            f"no node of the Ray cluster has {wanted['CPU']:g} cores and {wanted['GPU']:g} GPUs for one unit "
            f"(the largest: {most['CPU']:g} and {most['GPU']:g}); take fewer with --cpus-per-unit and "
            "--gpus-per-unit, or add a node"
        )
    return room


def disconnect(ray: Any, tokens: str | None) -> None:
    """Leave the cluster; with tokens, or without, as before.

    Ray turns them on in a process that starts a cluster of its own, and workers of another cluster, which
    bring none, would not be heard in it any more.
    """
    ray.shutdown()
    if tokens is None and TOKENS in os.environ:
        del os.environ[TOKENS]
        ask_for_tokens_as_the_environment_says()


def ask_for_tokens_as_the_environment_says() -> None:
    """Ray keeps what it read of the environment when this process connected before."""
    with suppress(ImportError, AttributeError):  # private
        from ray._raylet import AuthenticationTokenLoader, Config  # type: ignore[attr-defined]

        Config.initialize("")
        AuthenticationTokenLoader.instance().reset_cache()
