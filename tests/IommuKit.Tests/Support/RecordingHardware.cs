using System.Globalization;
using IommuKit.Domains;
using IommuKit.Models.Memory;
using IommuKit.PageTables;
using IommuKit.Sync;

namespace IommuKit.Tests.Support;

/// <summary>Writes down what the policies ask of the hardware, one word for each primitive.</summary>
internal sealed class HardwareLog
{
    public List<string> Calls { get; } = [];

    public bool IsLive { get; set; } = true;

    public IEnumerable<string> Kinds => Calls.Select(call => call.Split(' ')[0]);

    public int Count(string kind) => Kinds.Count(call => call == kind);

    public void Add(string kind, params ReadOnlySpan<ulong> arguments)
    {
        string text = kind;
        foreach (ulong argument in arguments)
        {
            text += string.Create(CultureInfo.InvariantCulture, $" 0x{argument:x}");
        }

        Calls.Add(text);
    }
}

internal readonly struct RecordingHardware(HardwareLog log) : IDomainHardware
{
    public bool IsLive => log.IsLive;

    public int CacheLine => 64;

    public void Clean(ulong physicalAddress, ulong bytes) => log.Add("clean", physicalAddress, bytes);

    public void Barrier() => log.Add("barrier");

    public void BeginInvalidation() => log.Add("begin");

    public void EndInvalidation() => log.Add("end");

    public void InvalidateTableCache(ulong physicalAddress, ulong bytes) => log.Add("tables", physicalAddress, bytes);

    public void InvalidateTlb(ulong iova, ulong bytes, int level) => log.Add("tlb", iova, bytes, (ulong)level);

    public void InvalidateAll() => log.Add("all");

    public void Complete() => log.Add("complete");

    public bool HasFailed => false;

    public void ThrowFailure()
    {
        // Nothing fails.
    }
}

/// <summary>A driver of hardware with any traits.</summary>
internal sealed class RecordingDriver(IommuTraits traits) : IommuDriver
{
    public HardwareLog Log { get; } = new();

    public override IommuTraits Traits => traits;

    public override IReadOnlyList<IommuDevice> Devices => [];

    public static IommuTraits TraitsOf(bool isCoherent, bool cachesInvalid, int tableCacheLine, bool hasRangeFlush = true) => new()
    {
        Name = "recording",
        Format = HintedFormat.Name,
        InputBits = 39,
        OutputBits = 40,
        PageSizes = 1 << 12,
        SupportedPageSizes = HintedFormat.PageSizes,
        AddressSpaces = 1,
        HasCoherentWalk = isCoherent,
        CachesInvalidEntries = cachesInvalid,
        TableCacheLine = tableCacheLine,
        TlbGroup = 4096,
        TlbLines = 1,
        HasRangeFlush = hasRangeFlush,
        Release = TableRelease.WhenCovered,
    };

    public override IommuDomain CreateDomain(DomainOptions? options = null) => throw new NotSupportedException("Tests make domains themselves.");

    public IommuDomain CreateDomain(PhysicalMemory memory, DomainOptions options, out PageAllocator allocator)
    {
        allocator = new PageAllocator(memory.CpuView, 0, memory.Length);
        var table = new PageTableOptions
        {
            InputBits = traits.InputBits,
            OutputBits = traits.OutputBits,
            PageSizes = options.PageSizes == 0 ? traits.PageSizes : options.PageSizes,
            Release = options.Release ?? traits.Release,
        };
        return new PagingDomain<HintedFormat, RecordingHardware>(this, options, allocator, table, new RecordingHardware(Log));
    }

    public override void HandleInterrupt() => throw new NotSupportedException("This hardware has no interrupts.");

    internal override void Attach(IommuDomain domain, IommuDevice device) => throw new NotSupportedException("This hardware has no devices.");

    internal override void Detach(IommuDomain domain, IommuDevice device) => throw new NotSupportedException("This hardware has no devices.");

    internal override void Forget(IommuDomain domain)
    {
        // Nothing is kept about domains.
    }
}
