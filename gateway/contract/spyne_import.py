"""The one door through which Spyne comes into the house: 2.14.0 imports on CPython 3.12 and 3.13 too, and is quiet.

Import this module before, or instead of, `spyne`. Spyne's own copy of six has no `find_spec` and cannot serve
`spyne.util.six.moves.*` from 3.12 on (arskom/spyne #700, #708): the real six does. `cgi`, which it also imports, is
the package legacy-cgi from 3.13 on.
"""

from __future__ import annotations

import importlib
import logging
import sys
import warnings

_MOVED = ("http_cookies", "urllib", "urllib.request", "urllib.parse", "urllib.error", "collections_abc")

# Work at import, on purpose: it has to be done before the first `import spyne` and only once.
for _name in _MOVED:
    sys.modules.setdefault(f"spyne.util.six.moves.{_name}", importlib.import_module(f"six.moves.{_name}"))

logging.getLogger("spyne").setLevel(logging.CRITICAL + 1)  # it logs refused values and whole messages

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # cgi is deprecated, and some of Spyne's escapes and comparisons are
    import spyne.application  # it has to come after the lines above
    import spyne.const
    from spyne import Application, ServiceBase, rpc
    from spyne.context import MethodContext
    from spyne.error import Fault
    from spyne.model.complex import ComplexModel, ComplexModelMeta
    from spyne.model.primitive import Boolean, Integer32, Integer64, Unicode
    from spyne.protocol.soap import Soap11
    from spyne.server import ServerBase

# Its importer, old as it is, warns on every later import in the whole process; the aliases above have replaced it.
sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != "spyne.util.six"]
spyne.const.MIN_GC_INTERVAL = float("inf")  # else gc.collect() once per second of traffic
# A list of all applications that nobody here asks for; each entry costs a stack trace, read from the files.
spyne.application.register_application = lambda _application: None

__all__ = [
    "Application",
    "Boolean",
    "ComplexModel",
    "ComplexModelMeta",
    "Fault",
    "Integer32",
    "Integer64",
    "MethodContext",
    "ServerBase",
    "ServiceBase",
    "Soap11",
    "Unicode",
    "rpc",
]
