from django.contrib import admin
from django.urls import include, path

handler500 = "rooms.views.broken.server_error"

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("rooms.urls")),
]
