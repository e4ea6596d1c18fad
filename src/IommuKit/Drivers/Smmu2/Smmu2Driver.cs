using System.Collections;
using IommuKit.Domains;
using IommuKit.PageTables;
using IommuKit.Specs.Memory;
using IommuKit.Specs.Mmio;
using IommuKit.Specs.Smmu2;
using IommuKit.Sync;

namespace IommuKit.Drivers.Smmu2;

/// <summary>Drives an Arm SMMUv1 or SMMUv2 (MMU-400, 401, 500) through its registers.</summary>
/// <remarks>
/// Devices that are in no domain reach nothing. All domains of a driver are of one stage, format and granule. A domain with devices has a context
/// bank: there can be as many at a time as there are banks of the stage. Thread-safe.
/// </remarks>
public sealed partial class Smmu2Driver : IommuDriver
{
    private const int VirtualBits = 48;
    private const int NarrowBits = 32;
    private const int LongBits = 40;
    private const int SmallGranule = 12;

    // VMIDs of 8 bits, of which stage 1 has 0.
    private const int MostBanks = 254;

    // Without a threshold, a table of upper levels that goes would be 2^18 of them and more. Half of that takes longer than any refill.
    private const int MostInvalidations = 1 << 16;

    private readonly Smmu2Unit _unit;
    private readonly Smmu2DriverOptions _options;
    private readonly Smmu2Registers _registers;
    private readonly ICpuCache _cache;
    private readonly PageAllocator _allocator;
    private readonly bool _isStage2;
    private readonly Smmu2TableFormat _format;
    private readonly Smmu2Tables _tables;
    private readonly Smmu2BankSetup _setup;
    private readonly Smmu2Invalidations _invalidations;
    private readonly int _firstBank;
    private readonly BitArray _banks;
    private readonly IommuDomain?[] _owners;
    private readonly Smmu2StreamDevice[] _devices;
    private readonly Dictionary<IommuDomain, Smmu2AddressSpace> _spaces = [];

    /// <summary>Reads what the SMMU is, and switches it on: from then on nothing passes but what a domain lets pass.</summary>
    /// <param name="registers">Its registers.</param>
    /// <param name="cache">The CPU's cache. Its barrier orders stores before what hardware is told next.</param>
    /// <param name="allocator">Memory for page tables.</param>
    /// <param name="clients">The devices behind it, at least one.</param>
    /// <param name="options">What firmware says, and what can be tuned; or null.</param>
    /// <param name="name">The name by which users select it.</param>
    /// <exception cref="ArgumentException">The hardware cannot do what the options ask, or devices are described wrongly.</exception>
    /// <exception cref="TimeoutException">The hardware does not answer.</exception>
    public Smmu2Driver(
        IMmio registers,
        ICpuCache cache,
        PageAllocator allocator,
        IReadOnlyList<Smmu2Client> clients,
        Smmu2DriverOptions? options = null,
        string name = "smmuv2")
    {
        ArgumentNullException.ThrowIfNull(registers);
        ArgumentNullException.ThrowIfNull(cache);
        ArgumentNullException.ThrowIfNull(allocator);
        ArgumentNullException.ThrowIfNull(clients);
        ArgumentNullException.ThrowIfNull(name);
        _options = options ?? new Smmu2DriverOptions();
        Smmu2DriverOptions.Validate(_options);
        _interrupts = new InterruptWork(Drain);
        _cache = cache;
        _allocator = allocator;
        _unit = ReadUnit(registers, name, _options.Version);
        _registers = new Smmu2Registers(registers, _unit, _options.Patience);
        CheckClients(clients);
        _isStage2 = ChooseStage();
        _format = ChooseFormat();
        int granule = ChooseGranule();
        _tables = Smmu2Tables.Of(_isStage2, _format, granule);
        Traits = MakeTraits(name, granule);
        _setup = new Smmu2BankSetup(_unit, _isStage2, _format, granule, Traits.InputBits);
        int most = _options.AddressSpaceThreshold == 0 ? MostInvalidations : _options.AddressSpaceThreshold;
        _invalidations = new Smmu2Invalidations(_unit.Version, _isStage2, _format == Smmu2TableFormat.Aarch64, _tables.EntrySizes, most);
        _firstBank = _isStage2 ? 0 : _unit.Stage2BankCount;
        _banks = new BitArray(Math.Min(_unit.BankCount, MostBanks));
        _owners = new IommuDomain?[_unit.BankCount];
        bool matches = _unit.HasStreamMatching;
        _devices = [.. clients.Select((client, index) => new Smmu2StreamDevice(this, client, matches ? index : (int)client.StreamId))];
        SwitchOn();
    }

    /// <summary>What the SMMU says of itself.</summary>
    public Smmu2Unit Unit => _unit;

    /// <inheritdoc/>
    public override IommuTraits Traits { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<IommuDevice> Devices => _devices;

    /// <inheritdoc/>
    public override PagingDomain CreateDomain(DomainOptions? options = null)
    {
        options ??= new DomainOptions();
        options.Validate();
        _ = IommuDomain.ChoosePageSizes(Traits, options);
        lock (AttachLock)
        {
            ObjectDisposedException.ThrowIf(IsDisposed, this);
            var space = new Smmu2AddressSpace(_registers, _invalidations);
            var domain = _tables.CreateDomain(this, options, _allocator, new Smmu2AddressSpace.Hardware(space), _cache);
            space.Root = domain.RootAddress;
            space.StartLevel = 3 - domain.RootLevel;
            _spaces.Add(domain, space);
            return domain;
        }
    }

    private static Smmu2Unit ReadUnit(IMmio registers, string name, Smmu2Version version)
    {
        var unit = new Smmu2Unit(
            name,
            version,
            registers.Read32(Smmu2Global.Idr0),
            registers.Read32(Smmu2Global.Idr1),
            registers.Read32(Smmu2Global.Idr2),
            registers.Read32(Smmu2Global.Idr7));
        return unit.WhyImpossible() is { } reason ? throw new ArgumentException($"{name} cannot be driven. {reason}", nameof(registers)) : unit;
    }

    private void CheckClients(IReadOnlyList<Smmu2Client> clients)
    {
        uint width = _unit.StreamMask(_unit.HasWideStreamIds);
        bool isWrong = clients.Count == 0
            || clients.Count > _unit.StreamCount
            || clients.Any(client => client is null || client.StreamId > width || client.Mask > width)
            || (!_unit.HasStreamMatching && clients.Any(client => client.StreamId >= (uint)_unit.StreamCount || client.Mask != 0));
        if (isWrong)
        {
            throw new ArgumentException(
                $"{_unit.Name} has room for 1 to {_unit.StreamCount} devices, with StreamIDs up to 0x{width:x}"
                + (_unit.HasStreamMatching ? "." : ", which are numbers of its registers."),
                nameof(clients));
        }

        for (int i = 0; i < clients.Count; i++)
        {
            for (int j = 0; j < i; j++)
            {
                if (clients[i].Overlaps(clients[j]))
                {
                    throw new ArgumentException($"{clients[i].Name} and {clients[j].Name} can have the same StreamID.", nameof(clients));
                }
            }
        }
    }

    private bool ChooseStage()
    {
        bool isStage2 = _options.Stage == Smmu2Stage.Stage2 || (_options.Stage == Smmu2Stage.Any && !_unit.HasStage1);
        return (isStage2 ? _unit.HasStage2 : _unit.HasStage1) ? isStage2 : throw Impossible($"does not have {_options.Stage}", _options);
    }

    private Smmu2TableFormat ChooseFormat()
    {
        var format = _options.Format != Smmu2TableFormat.Any ? _options.Format
            : _unit.HasAarch64Tables ? Smmu2TableFormat.Aarch64
            : Smmu2TableFormat.LongDescriptors;
        bool isPossible = format switch
        {
            Smmu2TableFormat.Aarch64 => _unit.HasAarch64Tables,
            Smmu2TableFormat.LongDescriptors => _unit.HasLongTables,
            _ => _unit.HasShortTables && !_isStage2,
        };
        return isPossible ? format : throw Impossible($"does not have tables {format} here", _options);
    }

    private int ChooseGranule()
    {
        int wanted = _options.GranuleLog2;
        return _format != Smmu2TableFormat.Aarch64
            ? wanted is 0 or SmallGranule ? SmallGranule : throw Impossible($"has no granule of 2^{wanted} bytes in AArch32", _options)
            : wanted == 0 ? _unit.HasGranule(SmallGranule) ? SmallGranule : _unit.HasGranule(14) ? 14 : 16
            : _unit.HasGranule(wanted) ? wanted
            : throw Impossible($"does not have a granule of 2^{wanted} bytes", _options);
    }

    private ArgumentException Impossible(string why, Smmu2DriverOptions options) => new($"{_unit.Name} {why}.", nameof(options));

    private IommuTraits MakeTraits(string name, int granule)
    {
        int most = (_format, _isStage2) switch
        {
            (Smmu2TableFormat.Aarch64, true) => Math.Min(_unit.IntermediateBits, VirtualBits),

            // The highest bit that a device sends is the sign.
            (Smmu2TableFormat.Aarch64, false) => Math.Min(_unit.UpstreamBits - 1, VirtualBits),
            (_, true) => Math.Min(_unit.IntermediateBits, LongBits),
            _ => NarrowBits,
        };
        bool canChoose = _format == Smmu2TableFormat.Aarch64 && _options.InputBits != 0;
        int outputBits = _format switch
        {
            Smmu2TableFormat.Aarch64 => _unit.AddressBits,
            Smmu2TableFormat.LongDescriptors => Math.Min(_unit.AddressBits, LongBits),
            _ => NarrowBits,
        };
        ulong supported = _tables.PageSizes & ((1ul << 42) - 1);
        return new IommuTraits
        {
            Name = name,
            InputBits = canChoose ? Math.Min(_options.InputBits, most) : most,
            OutputBits = outputBits,
            PageSizes = supported & _tables.EntrySizes,
            SupportedPageSizes = supported,
            AddressSpaces = Math.Min(_unit.BankCount, MostBanks) - (_isStage2 ? 0 : _unit.Stage2BankCount),
            Paging = new PagingTraits
            {
                Format = _tables.Format,
                Release = TableRelease.WhenCovered,
                Flush = new FlushTraits
                {
                    HasCoherentWalk = _unit.IsCoherent,
                    CachesInvalidEntries = false,
                    TlbGroup = 1 << granule,
                    HasRangeFlush = _options.HasRangeFlush,
                },
            },
        };
    }
}
