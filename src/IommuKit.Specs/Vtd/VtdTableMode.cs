namespace IommuKit.Specs.Vtd;

/// <summary>How the root table is read: bits 11:10 of RTADDR, TTM (VT-d specification, section 11.4.5).</summary>
public enum VtdTableMode
{
    /// <summary>00: root and context entries of 128 bits; second stage or pass-through.</summary>
    Legacy,

    /// <summary>01: context entries of 256 bits, and PASID tables.</summary>
    Scalable,

    /// <summary>10: reserved.</summary>
    Reserved,

    /// <summary>11: all DMA is aborted, without a look at any table. Where ECAP.ADMS is 1.</summary>
    Abort,
}
