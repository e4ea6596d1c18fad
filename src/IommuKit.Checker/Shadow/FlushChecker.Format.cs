using System.Runtime.InteropServices;
using IommuKit.Lab.Machines;
using IommuKit.Models.Memory;
using IommuKit.Specs.PageTables;

namespace IommuKit.Checker.Shadow;

/// <summary>The checker for page tables of one format.</summary>
/// <typeparam name="TFormat">The format.</typeparam>
internal sealed partial class FlushChecker<TFormat> : FlushChecker
    where TFormat : struct, IPageTableFormat
{
    // Operations may run on two threads.
    private readonly Lock _gate = new();
    private readonly TrackedPages<TFormat> _pages;
    private readonly ShadowTraits _traits;
    private readonly ShadowHardware<TFormat> _hardware;
    private readonly ICommandDecoder _decoder;
    private readonly PhysicalMemory _memory;
    private readonly PostedCommands<TFormat> _posted;
    private readonly Expectations _expected;
    private readonly int _spaces;
    private readonly ShadowCommands _commands = new();
    private readonly TrackedStructures _structures;
    private readonly Action<ulong, ulong, ulong> _structureStored;

    // What the CPU sees of each entry, as it is and as a set; what lines under way hold of it; what was stored since they were cleaned.
    private readonly ulong[] _seen;
    private readonly ulong[] _cpu;
    private readonly ulong[] _cleaned;
    private readonly ulong[] _storedSince;
    private bool _isClean = true;
    private ulong _reached;
    private bool _hasNews = true;
    private WasteMeter<TFormat>? _waste;
    private LeastWorkFinder<TFormat>? _least;

    public FlushChecker(
        TrackedPages<TFormat> pages, ShadowTraits traits, ICommandDecoder decoder, PhysicalMemory memory, int spaces, int domains, int devices)
    {
        _pages = pages;
        _traits = traits;
        _decoder = decoder;
        _structures = new TrackedStructures(decoder, memory);
        _structureStored = StructureStored;
        _memory = memory;
        _spaces = spaces;
        _hardware = new ShadowHardware<TFormat>(pages, traits, spaces, devices);
        _posted = new PostedCommands<TFormat>(_hardware);
        _expected = new Expectations(domains, devices, pages.Count);
        _seen = new ulong[pages.Entries];
        _cpu = new ulong[pages.Entries];
        _cleaned = new ulong[pages.Entries];
        _storedSince = new ulong[pages.Entries];
        for (int entry = 0; entry < pages.Entries; entry++)
        {
            _seen[entry] = Load(CellOf(entry / pages.Offsets.Length), entry);
            _cpu[entry] = _hardware.Values.BitOf(entry, _seen[entry]);
            _hardware.Memory[entry] = _cpu[entry];
        }
    }

    public override bool IsExhausted => _hardware.Values.IsFull || _hardware.Translations.IsFull;

    /// <summary>Gives a device an address space with a root, where no register does.</summary>
    public void Connect(int device, int space, ulong root)
    {
        _posted.Post(new ShadowCommand(ShadowCommandKind.SetRoot, space, root, 0));
        _posted.Post(new ShadowCommand(ShadowCommandKind.SetRoute, device, (ulong)space, 0));
        _posted.Complete();
    }

    /// <summary>Is told the address of each entry whose last store a walker that snoops sees at once; or null.</summary>
    public Action<ulong>? Visible { get; set; }

    /// <summary>Sees what the CPU has stored by now.</summary>
    public void Look()
    {
        lock (_gate)
        {
            See();
        }
    }

    public override void Observe(in MaintenanceStep access)
    {
        lock (_gate)
        {
            See();
            Steps++;
            _commands.Clear();
            switch (access.Kind)
            {
                case MaintenanceKind.Clean:
                    _waste?.Cleaning(_memory, access.Address, access.Value);
                    Clean(access.Address, access.Value);
                    break;
                case MaintenanceKind.Barrier:
                    if (!_traits.HasCoherentWalk)
                    {
                        _waste?.Ordering(!_isClean);
                    }

                    Complete();
                    break;
                default:
                    _decoder.Decode(access, _commands);
                    _waste?.Accessing(access);
                    Post();
                    break;
            }

            Log?.Accessed(Steps, access, _commands.All);
            FindViolation();
        }
    }

    public override void Check()
    {
        lock (_gate)
        {
            See();
            FindViolation();
        }
    }

    public override void StartCounting(WasteCounts waste)
    {
        lock (_gate)
        {
            See();
            _waste = new WasteMeter<TFormat>(waste, _pages, _traits, _hardware, _cpu, _spaces);
            _least = new LeastWorkFinder<TFormat>(_pages, _traits, _hardware, _cpu, _spaces, _posted.Last);
        }
    }

    public override LeastWork? TakeLeast()
    {
        if (_least is null)
        {
            return null;
        }

        lock (_gate)
        {
            See();
            return _expected.IsAllPromised && _posted.Count == 0 ? _least.Take(_posted.Last, _expected) : null;
        }
    }

    /// <summary>Passes on what was decoded.</summary>
    private void Post()
    {
        _hasNews = true;
        foreach (ref readonly var command in _commands.All)
        {
            switch (command.Kind)
            {
                case ShadowCommandKind.Complete:
                    _posted.Complete();
                    break;
                case ShadowCommandKind.StoreRoute or ShadowCommandKind.StoreRoot:
                    _posted.Store(command);
                    break;
                default:
                    _waste?.Dropping(command, _posted.Last);
                    _posted.Post(command);
                    break;
            }
        }
    }

    private ReadOnlySpan<byte> CellOf(int cell) => _memory.CpuView.Span(_pages.CellStart(cell), 1 << _pages.CellLog2);

    private ulong Load(ReadOnlySpan<byte> cell, int entry)
    {
        var bytes = cell[_pages.Offsets[entry % _pages.Offsets.Length]..];
        ulong value = TFormat.EntrySizeLog2 == 2 ? MemoryMarshal.Read<uint>(bytes) : MemoryMarshal.Read<ulong>(bytes);
        return value & ~TFormat.SoftwareBit;
    }

    /// <summary>Sees what the CPU has stored.</summary>
    private void See()
    {
        bool hasChanged = false;
        int slots = _pages.Offsets.Length;
        for (int cell = 0; cell < _pages.Cells; cell++)
        {
            var bytes = CellOf(cell);
            for (int entry = cell * slots; entry < (cell + 1) * slots; entry++)
            {
                ulong value = Load(bytes, entry);
                if (value == _seen[entry])
                {
                    continue;
                }

                if (!hasChanged)
                {
                    hasChanged = true;
                    _posted.BeforeMemoryChanges();
                    _reached = _traits.HasStoreBuffer ? ReachedCells() : 0;
                }

                Store(entry, value);
            }
        }

        if (hasChanged)
        {
            _posted.AfterMemoryChanged();
            _hasNews = true;
        }

        SeeStructures();
    }

    /// <summary>Sees what was stored to structures in memory that steer translation.</summary>
    private void SeeStructures()
    {
        if (_decoder.Structures.Count != 0)
        {
            _structures.Look(_structureStored);
        }
    }

    private void StructureStored(ulong address, ulong before, ulong after)
    {
        _commands.Clear();
        _decoder.Stored(address, before, after, _commands);
        Log?.StructureStored(Steps, address, before, after, _commands.All);
        Post();
    }

    private void Store(int entry, ulong value)
    {
        Log?.Stored(Steps, _pages.AddressOf(entry), _seen[entry], value);
        ulong bit = _hardware.Values.BitOf(entry, value);
        _seen[entry] = value;
        _cpu[entry] = bit;
        if (_traits.HasCoherentWalk)
        {
            // What is made ready in a table that nobody reaches is seen before the pointer to it: stores are in order.
            bool mayBeLate = value == 0 && (_reached & (1ul << (entry / _pages.Offsets.Length))) != 0;
            _hardware.Memory[entry] = mayBeLate ? _hardware.Memory[entry] | bit : bit;
            if (!mayBeLate)
            {
                Visible?.Invoke(_pages.AddressOf(entry));
            }
        }
        else
        {
            _hardware.Memory[entry] |= bit;
            _storedSince[entry] |= bit;
        }
    }

    /// <summary>The cells of tables that walkers reach, by what the CPU had stored when it was last looked at; one bit for each.</summary>
    private ulong ReachedCells()
    {
        ulong cells = 0;
        for (int space = 0; space < _spaces; space++)
        {
            for (int page = 0; page < _pages.Count; page++)
            {
                cells |= _hardware.CellsOnTheWay(_posted.Last, space, page, _cpu);
            }
        }

        return cells;
    }

    /// <summary>Lines are on their way to memory as they are now.</summary>
    private void Clean(ulong address, ulong bytes)
    {
        ulong mask = (ulong)_traits.CpuLine - 1;
        ulong first = address & ~mask;
        ulong last = (address + (bytes - 1)) | mask;
        _isClean = false;
        for (int entry = 0; entry < _cpu.Length; entry++)
        {
            ulong at = _pages.AddressOf(entry);
            if (at >= first && at <= last)
            {
                _cleaned[entry] = _cpu[entry];
                _storedSince[entry] = 0;
            }
        }
    }

    /// <summary>What was on its way is there.</summary>
    private void Complete()
    {
        if (_traits.HasCoherentWalk)
        {
            _posted.BeforeMemoryChanges();
            _cpu.CopyTo(_hardware.Memory, 0);
            _posted.AfterMemoryChanged();
            _hasNews = true;
            return;
        }

        if (_isClean)
        {
            return;
        }

        _isClean = true;
        _posted.BeforeMemoryChanges();
        for (int entry = 0; entry < _cpu.Length; entry++)
        {
            if (_cleaned[entry] != 0)
            {
                _hardware.Memory[entry] = _cleaned[entry] | _storedSince[entry];
                _cleaned[entry] = 0;
            }
        }

        _posted.AfterMemoryChanged();
        _hasNews = true;
    }
}
