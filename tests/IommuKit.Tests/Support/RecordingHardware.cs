using System.Globalization;
using IommuKit.Domains;
using IommuKit.Models.Memory;
using IommuKit.PageTables;
using IommuKit.Specs.Memory;
using IommuKit.Sync;

namespace IommuKit.Tests.Support;

/// <summary>Writes down what the policies ask of the hardware, one word for each primitive.</summary>
internal sealed class HardwareLog
{
    public List<string> Calls { get; } = [];

    public bool IsLive { get; set; } = true;

    /// <summary>Called before a clean.</summary>
    public Action? OnClean { get; set; }

    /// <summary>Called in the middle of a wait.</summary>
    public Action? OnWait { get; set; }

    public IEnumerable<string> Kinds => Calls.Select(call => call.Split(' ')[0]);

    public int Count(string kind) => Kinds.Count(call => call == kind);

    public void Add(string kind, params ReadOnlySpan<ulong> arguments)
    {
        string text = kind;
        foreach (ulong argument in arguments)
        {
            text += string.Create(CultureInfo.InvariantCulture, $" 0x{argument:x}");
        }

        lock (Calls)
        {
            Calls.Add(text);
        }
    }
}

/// <summary>What is cleaned and what is invalidated stands in one log.</summary>
internal sealed class RecordingCache(HardwareLog log) : ICpuCache
{
    public int LineSize => 64;

    public void Clean(ulong physicalAddress, ulong length)
    {
        log.OnClean?.Invoke();
        log.Add("clean", physicalAddress, length);
    }

    public void Barrier() => log.Add("barrier");
}

internal readonly struct RecordingHardware(HardwareLog log) : IDomainHardware<NoBatch>
{
    public bool IsLive => log.IsLive;

    public void Begin(ref NoBatch batch) => log.Add("begin");

    public void InvalidateTableCache(ref NoBatch batch, ulong physicalAddress, ulong bytes) => log.Add("tables", physicalAddress, bytes);

    public void InvalidateTlb(ref NoBatch batch, in TlbRange range) =>
        log.Add(range.ChangesTables ? "walks" : "tlb", range.Iova, range.Bytes, (ulong)range.LeafLog2);

    public void InvalidateAll(ref NoBatch batch) => log.Add("all");

    public void Submit(ref NoBatch batch) => log.Add("submit");

    public void Wait(ref NoBatch batch)
    {
        log.Add("wait");
        log.OnWait?.Invoke();
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
        InputBits = 39,
        OutputBits = 40,
        PageSizes = 1 << 12,
        SupportedPageSizes = HintedFormat.PageSizes,
        AddressSpaces = 1,
        Paging = new PagingTraits
        {
            Format = HintedFormat.Name,
            Flush = new FlushTraits
            {
                HasCoherentWalk = isCoherent,
                CachesInvalidEntries = cachesInvalid,
                TableCacheLine = tableCacheLine,
                HasRangeFlush = hasRangeFlush,
            },
        },
    };

    public override IommuDomain CreateDomain(DomainOptions? options = null) => throw new NotSupportedException("Tests make domains themselves.");

    public IommuDomain CreateDomain(PhysicalMemory memory, DomainOptions options, out PageAllocator allocator)
    {
        allocator = new PageAllocator(memory.CpuView, 0, memory.Length);
        return new PagingDomain<HintedFormat, RecordingHardware, NoBatch>(
            this, options, allocator, new RecordingHardware(Log), new RecordingCache(Log));
    }

    public override void HandleInterrupt() => throw new NotSupportedException("This hardware has no interrupts.");

    protected internal override void Switch(IommuDevice device, int pasid, IommuDomain? oldDomain, IommuDomain? newDomain) =>
        throw new NotSupportedException("This hardware has no devices.");
}
