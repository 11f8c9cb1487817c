"""Server extension: messages between the browser and a kernel leave at once, so that sliders follow the hand.

A server that gathers small messages before it sends them (Nagle's algorithm) waits for the browser's
acknowledgment, some 40 ms each time a slider moves. Installed with the course, the extension turns this off
for the connections to kernels, and nothing else; ``jupyter server extension disable modular_learning_server``
goes back.

Source: Nagle: Congestion control in IP/TCP internetworks, RFC 896 (1984).
"""

import functools
from typing import Any


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "modular_learning_server"}]


def _load_jupyter_server_extension(app: Any) -> None:
    from jupyter_server.services.kernels.websocket import KernelWebsocketHandler

    opened = KernelWebsocketHandler.open
    if getattr(opened, "at_once", False):
        return

    @functools.wraps(opened)
    async def open_at_once(self: Any, *args: Any, **options: Any) -> None:
        self.set_nodelay(True)
        await opened(self, *args, **options)

    vars(open_at_once)["at_once"] = True
    KernelWebsocketHandler.open = open_at_once
    app.log.info("modular_learning_server: messages to and from kernels leave at once")
