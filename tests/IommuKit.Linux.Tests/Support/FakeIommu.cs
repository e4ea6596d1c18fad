using IommuKit.Domains;

namespace IommuKit.Linux.Tests.Support;

/// <summary>An IOMMU without devices, whose domains map by requests.</summary>
/// <param name="makeDomain">Makes a domain.</param>
internal sealed class FakeIommu(Func<IommuDriver, DomainOptions, IommuDomain> makeDomain) : IommuDriver
{
    public override IommuTraits Traits { get; } = new()
    {
        Name = "fake",
        InputBits = 39,
        OutputBits = 64,
        PageSizes = 1 << 12,
        SupportedPageSizes = 1 << 12,
        AddressSpaces = int.MaxValue,
    };

    public override IReadOnlyList<IommuDevice> Devices => [];

    public override IommuDomain CreateDomain(DomainOptions? options = null) => makeDomain(this, options ?? new DomainOptions());

    public override void HandleInterrupt()
    {
        // There are none.
    }

    protected override void Switch(IommuDevice device, int pasid, IommuDomain? oldDomain, IommuDomain? newDomain) =>
        throw new NotSupportedException("There are no devices.");
}
