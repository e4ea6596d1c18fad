using System.Globalization;
using IommuKit.Domains;
using IommuKit.Specs.PageTables;

namespace IommuKit.Tests.Support;

/// <summary>A small IOMMU that maps by requests: the other side keeps a list of mappings, as virtio's device does, and splits none.</summary>
internal sealed class RequestIommu : IommuDriver
{
    private readonly List<RequestDevice> _devices = [];

    public RequestIommu(int pasids = 0) => _devices.Add(new RequestDevice(this, pasids));

    /// <summary>What was asked for.</summary>
    public List<string> Requests { get; } = [];

    /// <summary>The physical address that the other side does not map.</summary>
    public ulong? RefusesAt { get; set; }

    public bool RefusesUnmaps { get; set; }

    /// <summary>Whether the next switch fails.</summary>
    public bool RefusesSwitches { get; set; }

    public override IommuTraits Traits { get; } = new()
    {
        Name = "requests",
        InputBits = 48,
        OutputBits = 40,
        PageSizes = 1 << 12,
        SupportedPageSizes = 1 << 12,
        AddressSpaces = int.MaxValue,
    };

    public override IReadOnlyList<IommuDevice> Devices => _devices;

    public override IommuDomain CreateDomain(DomainOptions? options = null) => new Domain(this, options ?? new DomainOptions());

    public override void HandleInterrupt()
    {
        // There are no interrupts.
    }

    protected internal override void Switch(IommuDevice device, int pasid, IommuDomain? oldDomain, IommuDomain? newDomain)
    {
        if (RefusesSwitches)
        {
            throw new IommuException(IommuError.ENOSPC, "No.");
        }

        Requests.Add($"switch {pasid} {NameOf(oldDomain)} {NameOf(newDomain)}");
    }

    private static string NameOf(IommuDomain? domain) => domain switch
    {
        null => "none",
        FixedDomain { IsIdentity: true } => "identity",
        FixedDomain => "blocked",
        _ => "requests",
    };

    private sealed class RequestDevice(RequestIommu iommu, int pasids) : IommuDevice(iommu, "device", pasids);

    internal sealed class Domain(RequestIommu iommu, DomainOptions options) : RequestDomain(iommu, options)
    {
        // The other side's own list.
        private readonly SortedDictionary<ulong, ulong> _sizes = [];

        protected override IommuError RequestMap(ulong iova, ulong physicalAddress, ulong size, Protection protection)
        {
            Add("map", iova, physicalAddress, size);
            if (physicalAddress == iommu.RefusesAt)
            {
                return IommuError.ENOMEM;
            }

            _sizes.Keys.ShouldNotContain(first => first < iova + size && iova < first + _sizes[first]);
            _sizes.Add(iova, size);
            return IommuError.None;
        }

        protected override IommuError RequestUnmap(ulong iova, ulong size)
        {
            if (iommu.RefusesUnmaps)
            {
                return IommuError.EBUSY;
            }

            Add("unmap", iova, size);
            ulong next = iova;
            while (next < iova + size)
            {
                _sizes.Remove(next, out ulong bytes).ShouldBeTrue("a request begins inside a mapping");
                next += bytes;
            }

            next.ShouldBe(iova + size, "a request ends inside a mapping");
            return IommuError.None;
        }

        public IommuError ForgetAndReplay()
        {
            _sizes.Clear();
            return Replay();
        }

        public void Between(Action action) => BetweenRequests(action);

        private void Add(string kind, params ReadOnlySpan<ulong> arguments)
        {
            string text = kind;
            foreach (ulong argument in arguments)
            {
                text += string.Create(CultureInfo.InvariantCulture, $" 0x{argument:x}");
            }

            iommu.Requests.Add(text);
        }
    }
}
