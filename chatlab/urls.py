"""All links carry the path that the site is below, in every thread; so nothing depends on Django's script prefix."""

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import ImproperlyConfigured
from django.urls import include, path

from rooms.urls import urlpatterns as pages

handler500 = "rooms.views.broken.server_error"

site = [path("admin/", admin.site.urls), *pages]
urlpatterns = [path(settings.CHATLAB_PATH[1:] + "/" if settings.CHATLAB_PATH else "", include(site))]

first, taken = settings.CHATLAB_PATH.split("/")[1:2], {str(entry.pattern).partition("/")[0] for entry in site}
if taken.union(("static", "ws")).intersection(first):
    raise ImproperlyConfigured(f"CHATLAB_PATH begins with {first[0]!r}, as pages of chatlab do: take another name.")
