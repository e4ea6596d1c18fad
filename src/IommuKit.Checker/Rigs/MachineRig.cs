using System.Buffers.Binary;
using IommuKit.Checker.Shadow;
using IommuKit.Domains;
using IommuKit.Lab.Machines;
using IommuKit.Models.Dma;
using IommuKit.Models.Memory;
using IommuKit.Specs.PageTables;

namespace IommuKit.Checker.Rigs;

/// <summary>A machine under the eyes of the checker: two of its devices, with a domain each.</summary>
/// <typeparam name="TFormat">The format of its page tables.</typeparam>
public sealed class MachineRig<TFormat> : CheckRig, IMachineRig
    where TFormat : struct, IPageTableFormat
{
    private readonly MachinePlan _plan;
    private readonly DomainOptions _options;
    private readonly IommuDomain[] _domains;
    private readonly DmaDevice<DeviceMemory>[] _dma;

    /// <summary>Builds the machine, and puts a checker between its driver and its hardware.</summary>
    /// <param name="plan">How to build it, and what its hardware may do.</param>
    /// <param name="settings">What is looked at.</param>
    public MachineRig(MachinePlan plan, CheckSettings settings)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(settings);
        _plan = plan;
        _options = settings.Domain;
        var machine = plan.Kind.Create(new MachineSettings
        {
            TablePoolStart = plan.PoolStart,
            TablePool = settings.PoolBytes,
            Tuning = settings.Tuning,
            Memory = plan.TakeMemory(),
            Prepare = memory => Prepare(memory, plan.PoolStart, settings.PoolBytes),
        });
        Machine = machine;
        try
        {
            Devices = [.. plan.DevicesOf(machine)];
            _dma = [.. Devices.Select(machine.CreateDma)];
            plan.Settle?.Invoke(machine, Devices, settings);
            var traits = machine.Driver.Traits;
            var pages = new TrackedPages<TFormat>(settings.Pages, traits.InputBits, traits.OutputBits, plan.PoolStart, settings.PoolBytes);
            Checker = new FlushChecker<TFormat>(
                pages,
                plan.Traits with { CpuLine = machine.Memory.LineSize },
                plan.CreateDecoder(machine, Devices),
                machine.Memory,
                Math.Min(plan.Spaces, traits.AddressSpaces),
                Devices.Count,
                Devices.Count);
            machine.Observer = access => Checker.Observe(access);
            _domains = [.. Devices.Select(_ => machine.CreateDomain(settings.Domain))];
        }
        catch
        {
            machine.Dispose();
            throw;
        }
    }

    /// <summary>The machine.</summary>
    public Machine Machine { get; }

    /// <summary>The devices that are looked at.</summary>
    public IReadOnlyList<IommuDevice> Devices { get; }

    /// <summary>The PASIDs that are looked at, one for each device; null for what they send without.</summary>
    public IReadOnlyList<int>? Pasids => _plan.Pasids;

    /// <inheritdoc/>
    public override string Name => Machine.Name;

    /// <inheritdoc/>
    public override FlushChecker Checker { get; }

    /// <inheritdoc/>
    public override int TableCacheLine => _plan.Traits.TableCacheLine;

    /// <inheritdoc/>
    public override IReadOnlyList<IommuDomain> Domains => _domains;

    /// <inheritdoc/>
    public override Func<MaintenanceStep, bool>? Filter
    {
        get => Machine.Filter;
        set => Machine.Filter = value;
    }

    /// <inheritdoc/>
    public override ICommandDecoder CreateDecoder() => _plan.CreateDecoder(Machine, Devices);

    /// <inheritdoc/>
    public override void Issue(in MaintenanceStep access) => Machine.Issue(access);

    /// <inheritdoc/>
    public override void Attach(int device) =>
        (_plan.OnTop?.Over(Machine, _domains[device]) ?? _domains[device]).Attach(Devices[device], PasidOf(device));

    /// <inheritdoc/>
    public override void Detach(int device) => Devices[device].DomainOf(PasidOf(device))!.Detach(Devices[device], PasidOf(device));

    /// <inheritdoc/>
    public override void Renew(int domain)
    {
        // The new one first, so that it gets the memory that was given back last, and not the root of the old one.
        var old = _domains[domain];
        _domains[domain] = Machine.CreateDomain(_options);
        old.Dispose();
    }

    /// <inheritdoc/>
    public override bool IsOfTables(ulong physicalAddress) =>
        physicalAddress >= _plan.PoolStart && physicalAddress <= Machine.Allocator.LastAddress;

    /// <inheritdoc/>
    public override void Scribble(ulong physicalAddress, ulong value)
    {
        var entry = Machine.Memory.CpuView.Span(physicalAddress, 1 << TFormat.EntrySizeLog2);
        if (entry.Length == sizeof(uint))
        {
            BinaryPrimitives.WriteUInt32LittleEndian(entry, (uint)value);
        }
        else
        {
            BinaryPrimitives.WriteUInt64LittleEndian(entry, value);
        }
    }

    /// <inheritdoc/>
    public override ulong? TableOf(int domain, ulong iova)
    {
        if (_domains[domain] is not PagingDomain paging || !TFormat.TryGetRoot(Machine.Driver.Traits.InputBits, out int level, out int indexBits))
        {
            return null;
        }

        ulong table = paging.RootAddress;
        for (; level > 0; level--, indexBits = TFormat.IndexBits(level))
        {
            ulong entry = ReadEntry(table + (IndexOf(iova, level, indexBits) << TFormat.EntrySizeLog2));
            if (!TFormat.IsTable(entry, level))
            {
                return null;
            }

            table = TFormat.TableAddress(entry);
        }

        return table;
    }

    /// <inheritdoc/>
    public override void ScribbleLeaf(ulong table, ulong iova, ulong physicalAddress) => Scribble(
        table + (IndexOf(iova, 0, TFormat.IndexBits(0)) << TFormat.EntrySizeLog2),
        TFormat.LeafEntry(physicalAddress, TFormat.LeafAttributes(Protection.Read | Protection.Write), 0, TFormat.EntryShift(0)));

    /// <inheritdoc/>
    public override void ReadTable(ulong physicalAddress, Span<byte> table) =>
        Machine.Memory.CpuView.Span(physicalAddress, table.Length).CopyTo(table);

    /// <inheritdoc/>
    public override void SettleWrites() => Machine.SettleWrites();

    /// <inheritdoc/>
    public override void WriteBackTables() =>
        Machine.Memory.WriteBack(_plan.PoolStart, Machine.Allocator.LastAddress + 1 - _plan.PoolStart);

    /// <inheritdoc/>
    public override void WriteBack(ulong physicalAddress) => Machine.Memory.WriteBack(physicalAddress, 1);

    /// <inheritdoc/>
    public override void EvictTableLine(ulong physicalAddress) => Machine.EvictTableLine(physicalAddress);

    /// <inheritdoc/>
    public override void EvictTranslations() => Machine.EvictTranslations();

    /// <inheritdoc/>
    public override long? Drains => Machine.Hardware?.Accesses.Drains;

    /// <inheritdoc/>
    public override ulong? Access(int device, ulong iova, bool isWrite)
    {
        var dma = _dma[device];
        var request = new DmaRequest(isWrite ? dma.WriteSource : dma.ReadSource, _plan.OnTop?.AddressOf(iova) ?? iova, isWrite);
        var translation = _plan.Pasids is null
            ? Machine.Hardware!.Translate(request)
            : _plan.TranslatePasid!(Machine, request, PasidOf(device));
        return translation.IsAllowed ? translation.PhysicalOf(request.Iova) : null;
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        Machine.Observer = null;
        Machine.Filter = null;
        foreach (var domain in _domains)
        {
            domain.Dispose();
        }

        // Page tables are all that was ever written, and the next machine fills them; nothing may be under way by then.
        var memory = Machine.SwitchOff();
        memory.Barrier();
        _plan.GiveBack(memory);
    }

    private static ulong IndexOf(ulong iova, int level, int indexBits) => (iova >> TFormat.EntryShift(level)) & ((1ul << indexBits) - 1);

    private ulong ReadEntry(ulong physicalAddress)
    {
        var entry = Machine.Memory.CpuView.Span(physicalAddress, 1 << TFormat.EntrySizeLog2);
        return entry.Length == sizeof(uint) ? BinaryPrimitives.ReadUInt32LittleEndian(entry) : BinaryPrimitives.ReadUInt64LittleEndian(entry);
    }

    private int PasidOf(int device) => _plan.Pasids?[device] ?? IommuDomain.NoPasid;

    /// <summary>What is in memory where tables will be looks like entries to somewhere else.</summary>
    private static void Prepare(PhysicalMemory memory, ulong start, ulong bytes)
    {
        Leftovers.Fill<TFormat>(memory.CpuView.Span(start, checked((int)bytes)));
        memory.WriteBack(start, bytes);
    }
}
