using System.Buffers.Binary;
using IommuKit.Domains;
using IommuKit.Models.Memory;
using IommuKit.PageTables;
using IommuKit.Specs.Memory;
using IommuKit.Specs.PageTables;
using IommuKit.Sync;

namespace IommuKit.Tests.Concurrency;

/// <summary>
/// Memory with caches that nobody snoops, a domain over it, and a walker that reads the tables as a device
/// would: what was not cleaned it does not see.
/// </summary>
internal sealed class WalkingMachine<TFormat> : IommuDriver, ICpuCache
    where TFormat : struct, IPageTableFormat
{
    private readonly PhysicalMemory _memory;
    private readonly int _inputBits;

    public WalkingMachine(int inputBits, ulong memory = 8 << 20)
    {
        _inputBits = inputBits;
        _memory = new PhysicalMemory(memory, isCoherent: false);
        Allocator = new PageAllocator(_memory.CpuView, 0, memory);
    }

    public PageAllocator Allocator { get; }

    /// <summary>Called with what is about to be cleaned, on the thread that does it.</summary>
    public Action<ulong, ulong>? BeforeClean { get; set; }

    /// <summary>Called before invalidations begin, on the thread that does them.</summary>
    public Action? BeforeInvalidation { get; set; }

    public override IommuTraits Traits => new()
    {
        Name = "walking",
        InputBits = _inputBits,
        OutputBits = 40,
        PageSizes = 1 << 12,
        SupportedPageSizes = TFormat.PageSizes,
        AddressSpaces = 1,
        Paging = new PagingTraits
        {
            Format = TFormat.Name,
            Flush = new FlushTraits { HasCoherentWalk = false, CachesInvalidEntries = false },
        },
    };

    public override IReadOnlyList<IommuDevice> Devices => [];

    int ICpuCache.LineSize => 64;

    public override PagingDomain CreateDomain(DomainOptions? options = null) =>
        new PagingDomain<TFormat, Hardware, NoBatch>(this, options ?? new DomainOptions(), Allocator, new Hardware(this), this);

    void ICpuCache.Clean(ulong physicalAddress, ulong length)
    {
        BeforeClean?.Invoke(physicalAddress, length);
        _memory.Clean(physicalAddress, length);
    }

    void ICpuCache.Barrier() => _memory.Barrier();

    /// <summary>What a device would reach at an IOVA; null if its walk ends at a vacant entry.</summary>
    public ulong? Walk(PagingDomain domain, ulong iova)
    {
        ulong table = domain.RootAddress;
        Span<byte> bytes = stackalloc byte[8];
        for (int level = domain.RootLevel; ; level--)
        {
            ulong index = (iova >> TFormat.EntryShift(level)) & ((1ul << TFormat.IndexBits(level)) - 1);
            var entry = bytes[..(1 << TFormat.EntrySizeLog2)];
            if (!_memory.DeviceView.TryRead(table + (index << TFormat.EntrySizeLog2), entry))
            {
                return null;
            }

            ulong value = TFormat.EntrySizeLog2 == 3
                ? BinaryPrimitives.ReadUInt64LittleEndian(entry)
                : BinaryPrimitives.ReadUInt32LittleEndian(entry);
            if (value == 0)
            {
                return null;
            }

            if (level == 0)
            {
                return TFormat.LeafAddress(value, 0) | (iova & 0xfff);
            }

            table = TFormat.TableAddress(value);
        }
    }

    public override void HandleInterrupt()
    {
        // There are no interrupts.
    }

    protected internal override void Switch(IommuDevice device, int pasid, IommuDomain? oldDomain, IommuDomain? newDomain) =>
        throw new NotSupportedException("There are no devices.");

    protected override void SwitchOff() => _memory.Dispose();

    internal readonly struct Hardware(WalkingMachine<TFormat> machine) : IDomainHardware<NoBatch>
    {
        public bool IsLive => true;

        public void Begin(ref NoBatch batch) => machine.BeforeInvalidation?.Invoke();

        // The walker remembers nothing, so that there is nothing to drop and to wait for.
        public void InvalidateTableCache(ref NoBatch batch, ulong physicalAddress, ulong bytes)
        {
        }

        public void InvalidateTlb(ref NoBatch batch, in TlbRange range)
        {
        }

        public void InvalidateAll(ref NoBatch batch)
        {
        }

        public void Submit(ref NoBatch batch)
        {
        }

        public void Wait(ref NoBatch batch)
        {
        }
    }
}
