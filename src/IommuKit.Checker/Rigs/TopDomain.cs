using IommuKit.Domains;
using IommuKit.Lab.Machines;

namespace IommuKit.Checker.Rigs;

/// <summary>What stands on top of the domain that is looked at, between it and its devices: a guest's address space.</summary>
/// <param name="Over">
/// The domain that a device is attached to. What it maps in the one under it must not be where scenarios map.
/// </param>
/// <param name="AddressOf">The address by which a device reaches an IOVA of the domain under it.</param>
public sealed record TopDomain(Func<Machine, IommuDomain, IommuDomain> Over, Func<ulong, ulong> AddressOf);
