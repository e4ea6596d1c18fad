namespace IommuKit.Drivers.Vtd;

/// <summary>By what cached translations are told apart.</summary>
/// <param name="DomainId">The domain.</param>
/// <param name="Pasid">The PASID, of the first stage; <see cref="EveryPasid"/> for the second stage, whose translations all PASIDs share.</param>
internal readonly record struct VtdTag(ushort DomainId, int Pasid)
{
    /// <summary>Stands for the second stage.</summary>
    public const int EveryPasid = -1;

    /// <summary>Whether it is one of the first stage.</summary>
    public bool HasPasid => Pasid != EveryPasid;
}
