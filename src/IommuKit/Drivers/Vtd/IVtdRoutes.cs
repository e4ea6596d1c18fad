namespace IommuKit.Drivers.Vtd;

/// <summary>
/// The entries that lead devices to domains, and what hardware remembers of them. Callers hold the attach lock. An entry that hardware may use is
/// changed by one store of 8 bytes at a time, with an invalidation and a wait behind each: no mixture of an old and a new word is ever read.
/// </summary>
internal interface IVtdRoutes
{
    /// <summary>RTADDR.</summary>
    ulong Register { get; }

    /// <summary>The tag under which translations of a device in a domain are cached.</summary>
    /// <param name="target">The domain.</param>
    /// <param name="pasid">The PASID; 0 for what comes without one.</param>
    VtdTag TagOf(in VtdTarget target, int pasid);

    /// <summary>A device, or a PASID of it, that was blocked comes to a domain.</summary>
    void Enter(VtdDevice device, int pasid, in VtdTarget target);

    /// <summary>
    /// It goes from one domain to another, without a moment in which it is in neither. On the way its translations are tagged with
    /// <see cref="VtdDriver.Transit"/>, which no other device has, and of which nothing remains.
    /// </summary>
    void Move(VtdDevice device, int pasid, in VtdTarget origin, in VtdTarget target);

    /// <summary>It goes, and is blocked.</summary>
    void Leave(VtdDevice device, int pasid, in VtdTarget origin);

    /// <summary>Gives the memory back. Hardware does not look at it any more.</summary>
    void Free();
}
