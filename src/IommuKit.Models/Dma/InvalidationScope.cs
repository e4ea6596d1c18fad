namespace IommuKit.Models.Dma;

/// <summary>What an <see cref="InvalidationNotice"/> is about.</summary>
public enum InvalidationScope
{
    /// <summary>Every translation of every stream.</summary>
    Everything,

    /// <summary>The translations of streams whose configuration is to be read again.</summary>
    Stream,

    /// <summary>The translations of an address space, of all its addresses.</summary>
    AddressSpace,

    /// <summary>Translations of a range of addresses.</summary>
    Pages,
}
