namespace IommuKit.Lab.Inspect;

/// <summary>What becomes of a device's accesses.</summary>
internal enum InspectState
{
    /// <summary>They are translated.</summary>
    Translated,

    /// <summary>They pass untranslated.</summary>
    Bypass,

    /// <summary>They are translated in a way that is not followed here; why is said.</summary>
    NotFollowed,

    /// <summary>Its entry is illegal: hardware aborts them.</summary>
    Illegal,
}
