using IommuKit.Domains;
using IommuKit.Sync;

namespace IommuKit.Drivers.Software;

/// <summary>What a walker that remembers translations must forget.</summary>
/// <param name="Domain">The domain whose page table changed.</param>
/// <param name="Range">Which IOVAs, and whether what is remembered of tables there must go too.</param>
public readonly record struct TlbInvalidation(IommuDomain Domain, TlbRange Range);
