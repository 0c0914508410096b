# Part of OMC. Licence LGPL-3.
