namespace IommuKit.Specs.Vtd;

/// <summary>What a device says of an address: AT of a transaction, and bits 125:124 of a fault record.</summary>
public enum VtdAddressType
{
    /// <summary>00: it is to be translated.</summary>
    Untranslated,

    /// <summary>01: the translation is asked for, to keep it in a TLB of the device (ATS).</summary>
    TranslationRequest,

    /// <summary>10: it was translated before, and comes from the device's TLB.</summary>
    Translated,
}
