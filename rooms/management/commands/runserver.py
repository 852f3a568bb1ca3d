"""`manage.py runserver`: daphne's, for rooms in which many tabs come back at once."""

from daphne.management.commands.runserver import Command as DaphneCommand
from daphne.server import Server

from rooms.arrival import Arrival
from rooms.below import BelowPath

BACKLOG = 1024  # Twisted's 50 drops the handshakes of a reconnect storm; each is tried again only after 1 s, then 3 s


class RoomServer(Server):
    def __init__(self, application, endpoints=None, **kwargs):
        super().__init__(application, [f"{endpoint}:backlog={BACKLOG}" for endpoint in endpoints or ()], **kwargs)


class Command(DaphneCommand):
    server_cls = RoomServer

    def get_application(self, options):
        """With DEBUG, what serves the files stands in front of the application, and must know of the path as well."""
        return Arrival(BelowPath(super().get_application(options)))
