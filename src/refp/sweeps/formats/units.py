"""Units of length and time in the spellings of acquisition software."""

_UM_PER = {
    1e6: ("m", "meter", "metre"),
    1e4: ("cm", "centimeter", "centimetre"),
    1e3: ("mm", "millimeter", "millimetre"),
    1.0: ("µm", "μm", "um", "\\u00b5m", "micron", "microns", "micrometer", "micrometre"),
    1e-3: ("nm", "nanometer", "nanometre"),
    1e-4: ("å", "angstrom"),
    1e-6: ("pm", "picometer", "picometre"),
}
_LENGTHS = {name: factor for factor, names in _UM_PER.items() for name in names}
_TIMES = {"s": 1e3, "ms": 1.0, "µs": 1e-3, "ns": 1e-6}


def um_per(unit: str) -> float:
    """Return the micrometres per unit of length; 0 if it is not a length, such as ``pixel``."""
    return _LENGTHS.get(unit.strip().lower(), 0.0)


def ms_per(unit: str) -> float:
    """Return the milliseconds per unit of time; 0 for units that are not used for exposures."""
    return _TIMES.get(unit.strip(), 0.0)
