namespace IommuKit.Drivers.Vtd;

/// <summary>By which tables a VT-d unit is used.</summary>
public enum VtdMode
{
    /// <summary>Legacy mode: domains have second-stage tables, and a device has one domain.</summary>
    Legacy,

    /// <summary>Scalable mode, with domains on the second stage: PASIDs of a device have domains of their own. Needs ECAP.SMTS and SSTS.</summary>
    SecondStage,

    /// <summary>Scalable mode, with domains on the first stage, whose tables are those of x86-64 processors. Needs ECAP.SMTS and FSTS.</summary>
    FirstStage,
}
