namespace IommuKit.Specs.Vtd;

/// <summary>How a PASID is translated: bits 8:6 of its entry, PGTT (VT-d specification, section 9.6).</summary>
public enum VtdPasidType
{
    /// <summary>001: by the first stage.</summary>
    FirstStage = 1,

    /// <summary>010: by the second stage.</summary>
    SecondStage = 2,

    /// <summary>011: by the first stage, whose tables and pages are addresses of the second.</summary>
    Nested = 3,

    /// <summary>100: not at all.</summary>
    PassThrough = 4,
}
