"""Static files under hashed names, in JavaScript modules too: Django leaves their imports alone unless it is told."""

from django.contrib.staticfiles.storage import ManifestStaticFilesStorage


class ModuleStorage(ManifestStaticFilesStorage):
    support_js_module_import_aggregation = True

    def stored_name(self, name: str) -> str:
        """Before `collectstatic` a page is still served: with plain names, instead of an error."""
        try:
            return super().stored_name(name)
        except ValueError:
            return name
