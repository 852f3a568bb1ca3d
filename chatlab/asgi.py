"""The ASGI application: pages, sockets, the worker's channel, and the life of the process."""

import os

from channels.routing import ChannelNameRouter, ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatlab.settings")
http = get_asgi_application()  # first: it loads the apps that the imports below need

from chatlab.cookies import OwnSocketCookies  # noqa: E402
from rooms import process  # noqa: E402
from rooms.arrival import Arrival  # noqa: E402
from rooms.below import BelowPath  # noqa: E402
from rooms.origin import SameOrigin  # noqa: E402
from rooms.routing import channel_routes, websocket_urlpatterns  # noqa: E402

application = Arrival(
    BelowPath(
        ProtocolTypeRouter(
            {
                "http": http,
                "websocket": SameOrigin(OwnSocketCookies(URLRouter(websocket_urlpatterns))),
                "channel": ChannelNameRouter(channel_routes),
                "lifespan": process.lifespan,
            }
        )
    )
)
process.hook_server()
