namespace IommuKit.Specs.Smmu2;

/// <summary>S2CR.TYPE: what becomes of a stream.</summary>
public enum Smmu2StreamContextType
{
    /// <summary>A context bank translates it.</summary>
    Translate,

    /// <summary>It passes untranslated.</summary>
    Bypass,

    /// <summary>It faults.</summary>
    Fault,

    /// <summary>Reserved.</summary>
    Reserved,
}
