"""Static files under hashed names, in JavaScript modules too: Django leaves their imports alone unless it is told."""

from django.contrib.staticfiles.storage import ManifestStaticFilesStorage


class ModuleStorage(ManifestStaticFilesStorage):
    support_js_module_import_aggregation = True
    manifest_strict = (
        False  # without `collectstatic` a page still shows, unstyled, and says so in the browser's console
    )
