using System.Buffers.Binary;
using System.Collections.Concurrent;
using IommuKit.Checker.Rigs;
using IommuKit.Checker.Shadow;
using IommuKit.Domains;
using IommuKit.Drivers.Tegra;
using IommuKit.Lab.Iommus.Tegra;
using IommuKit.Lab.Machines;
using IommuKit.Models.Dma;
using IommuKit.Models.Memory;
using IommuKit.Specs.Tegra;

namespace IommuKit.Checker.Iommus.Tegra;

/// <summary>A Tegra under the eyes of the checker.</summary>
internal sealed class TegraRig : CheckRig
{
    private const int Spaces = 4;

    // Swgroups with a client on every SoC.
    private static readonly string[] DeviceNames = ["hc", "avpc"];

    // Machines come and go by the thousand; memory of their size costs more to get than all the rest.
    private static readonly ConcurrentDictionary<ulong, ConcurrentBag<PhysicalMemory>> Memories = [];

    private readonly TegraMachine _machine;
    private readonly DomainOptions _options;
    private readonly IommuDomain[] _domains;
    private readonly IommuDevice[] _devices;
    private readonly int[] _sources;
    private readonly ulong _poolStart;

    public TegraRig(TegraSoc soc, CheckSettings settings)
    {
        _options = settings.Domain;
        _poolStart = soc.HasPtcFlushHigh ? settings.PoolStartHigh : settings.PoolStart;
        _machine = TegraMachine.Create(
            soc,
            new MachineSettings
            {
                TablePool = settings.PoolBytes,
                SectionThreshold = settings.SectionThreshold,
                AsidThreshold = settings.AsidThreshold,
            },
            tablePoolStart: _poolStart,
            memory: Memories.GetOrAdd(1ul << soc.PhysicalBits, _ => []).TryTake(out var used) ? used : null);

        // A fault's handler reads registers, which would complete what was left without a wait.
        _machine.Model!.Write32(TegraMc.IntMask, 0);
        _machine.Model.SettleWrites();

        // What is in memory where tables will be looks like entries to somewhere else.
        Leftovers.Fill<TegraFormat>(_machine.Memory.CpuView.Span(_poolStart, (int)settings.PoolBytes));
        _machine.Memory.WriteBack(_poolStart, settings.PoolBytes);
        _devices = [.. DeviceNames.Select(_machine.Driver.GetDevice)];
        _sources =
            [.. _devices.Select(device => ((TegraSwgroupDevice)device).Clients.First(client => client.Enable == TegraClientEnable.ReadWrite).Id)];
        var pages = new TrackedPages<TegraFormat>(settings.Pages, inputBits: 32, soc.PhysicalBits, _poolStart, settings.PoolBytes);
        var traits = new ShadowTraits
        {
            HasCoherentWalk = false,
            CachesInvalidEntries = true,
            TableCacheLine = soc.AtomBytes,
            DropSizes = [(ulong)soc.TlbGroupBytes, 1ul << TegraEntry.SectionShift, 1ul << 32],
            HasPostedCommands = true,
            StartsUnknown = true,
            CpuLine = _machine.Memory.LineSize,
        };
        FillTlb(settings.Pages);
        var swgroups = _devices.Select(device => ((TegraSwgroupDevice)device).Swgroup).ToArray();
        Checker = new FlushChecker<TegraFormat>(
            pages, traits, new TegraDecoder(soc, soc.TlbGroupBytes, swgroups), _machine.Memory, Spaces, _devices.Length, _devices.Length);
        _machine.Observer = access => Checker.Observe(access);
        _domains = [.. _devices.Select(_ => _machine.CreateDomain(settings.Domain))];
    }

    /// <summary>
    /// Lets the TLB hold translations of the address spaces that the domains will get, as if somebody had used them before.
    /// </summary>
    private void FillTlb(IReadOnlyList<ulong> pages)
    {
        var model = _machine.Model!;
        var device = (TegraSwgroupDevice)_devices[0];
        var client = device.Clients.First(client => client.Id == _sources[0]);
        uint enabled = model.Read32(client.EnableRegister!.Value);
        model.Write32(client.EnableRegister.Value, enabled | client.EnableMask);
        for (int asid = _devices.Length - 1; asid >= 0; asid--)
        {
            model.Write32(TegraMc.PtbAsid, (uint)asid);
            model.Write32(TegraMc.PtbData, TegraPtb.Root(_poolStart));
            model.Write32(device.Swgroup.AsidRegister, TegraMc.SwgroupBits.Enable | (uint)asid);
            model.SettleWrites();
            foreach (ulong page in pages)
            {
                _ = Access(0, page, isWrite: false);
            }

            model.Write32(TegraMc.PtbData, 0);
        }

        model.Write32(device.Swgroup.AsidRegister, 0);
        model.Write32(client.EnableRegister.Value, enabled);
        model.Write32(TegraMc.PtcFlush, TegraPtcFlush.All.Value);
        model.SettleWrites();
    }

    public override string Name => _machine.Name;

    public override FlushChecker Checker { get; }

    public override int TableCacheLine => _machine.Soc.AtomBytes;

    public override IReadOnlyList<IommuDomain> Domains => _domains;

    public override Func<MaintenanceStep, bool>? Filter
    {
        get => _machine.Filter;
        set => _machine.Filter = value;
    }

    public override void Issue(in MaintenanceStep access) => _machine.Issue(access);

    public override void Attach(int device) => _domains[device].Attach(_devices[device]);

    public override void Detach(int device) => _domains[device].Detach(_devices[device]);

    public override void Renew(int domain)
    {
        // The new one first, so that it gets the memory that was given back last, and not the root of the old one.
        var old = _domains[domain];
        _domains[domain] = _machine.CreateDomain(_options);
        old.Dispose();
    }

    public override void Scribble(ulong physicalAddress, ulong value) =>
        BinaryPrimitives.WriteUInt32LittleEndian(_machine.Memory.CpuView.Span(physicalAddress, sizeof(uint)), (uint)value);

    public override void ReadTable(ulong physicalAddress, Span<byte> table) =>
        _machine.Memory.CpuView.Span(physicalAddress, table.Length).CopyTo(table);

    public override void SettleWrites() => _machine.Model!.SettleWrites();

    public override void WriteBackTables() => _machine.Memory.WriteBack(_poolStart, _machine.Allocator.LastAddress + 1 - _poolStart);

    public override void WriteBack(ulong physicalAddress) => _machine.Memory.WriteBack(physicalAddress, 1);

    public override void EvictTableLine(ulong physicalAddress) => _machine.Model!.EvictTableLine(physicalAddress);

    public override void EvictTranslations() => _machine.Model!.EvictTranslations();

    public override ulong? Access(int device, ulong iova, bool isWrite)
    {
        var translation = _machine.Model!.Translate(new DmaRequest(_sources[device], iova, isWrite));
        return translation.IsAllowed ? translation.PhysicalOf(iova) : null;
    }

    public override void Dispose()
    {
        _machine.Observer = null;
        _machine.Filter = null;
        foreach (var domain in _domains)
        {
            domain.Dispose();
        }

        // Page tables are all that was ever written, and the next machine fills them; nothing may be under way by then.
        var memory = _machine.SwitchOff();
        memory.Barrier();
        Memories[memory.Length].Add(memory);
    }
}
