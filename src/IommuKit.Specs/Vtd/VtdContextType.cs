namespace IommuKit.Specs.Vtd;

/// <summary>Which requests of a device are served: bits 3:2 of a context entry in legacy mode, TT (VT-d specification, section 9.3).</summary>
public enum VtdContextType
{
    /// <summary>00: untranslated requests are translated; others are blocked.</summary>
    Untranslated,

    /// <summary>01: all: the device may have a TLB. Where ECAP.DT is 1.</summary>
    All,

    /// <summary>10: untranslated requests pass through. Where ECAP.PT is 1.</summary>
    PassThrough,

    /// <summary>11: reserved.</summary>
    Reserved,
}
