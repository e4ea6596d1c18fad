namespace IommuKit.Models.Smmu3;

/// <summary>What a transaction says of its address.</summary>
public enum Smmu3RequestKind
{
    /// <summary>It has to be translated.</summary>
    Untranslated,

    /// <summary>An ATS translation request: the device asks for the translation, to keep it.</summary>
    TranslationRequest,

    /// <summary>An ATS translated transaction: the device has translated it.</summary>
    Translated,
}
