"""DIN 91379:2022-08, the characters and sequences of German public administration: what text is made of here.

Two questions are answered: is a text of datatype A, B or C (exactly as KoSIT's XSD says), and what is the form
of a name under which it is looked up.
"""

from gateway.model.din91379.datatypes import accepts, plain
from gateway.model.din91379.search import search_form

__all__ = ["accepts", "plain", "search_form"]
