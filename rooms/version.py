"""The version of chatlab: the pages' footer, `/healthz`, the `welcome` frame and `manage.py version` name it.
CHANGELOG.md says what it brings.
"""

VERSION = "0.9.0"
