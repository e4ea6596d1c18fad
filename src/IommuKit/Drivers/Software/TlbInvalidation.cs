using IommuKit.Domains;

namespace IommuKit.Drivers.Software;

/// <summary>What a walker that remembers translations must forget.</summary>
/// <param name="Domain">The domain whose page table changed.</param>
/// <param name="Iova">First IOVA.</param>
/// <param name="Bytes">Size of the range; <see cref="ulong.MaxValue"/> from IOVA 0 for everything.</param>
/// <param name="Level">
/// The level of the table whose entries changed. Above 0, whatever is remembered of tables below must go too.
/// </param>
public readonly record struct TlbInvalidation(IommuDomain Domain, ulong Iova, ulong Bytes, int Level);
