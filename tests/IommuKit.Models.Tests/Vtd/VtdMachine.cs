using System.Buffers.Binary;
using IommuKit.Models.Memory;
using IommuKit.Models.Vtd;
using IommuKit.Specs.Vtd;

namespace IommuKit.Models.Tests.Vtd;

/// <summary>
/// A VT-d model with memory, and software that writes its structures by hand: a root table, one context table for bus 0, an invalidation queue, a page that
/// waits store to, and tables from <see cref="Tables"/> on.
/// </summary>
internal sealed class VtdMachine : IDisposable
{
    public const ulong Root = 0x10_0000;
    public const ulong Context = 0x10_1000;
    public const ulong UpperContext = 0x10_2000;
    public const ulong Directory = 0x10_3000;
    public const ulong PasidTable = 0x10_4000;
    public const ulong Queue = 0x10_8000;
    public const ulong Status = 0x10_9000;
    public const ulong InterruptTable = 0x10_a000;
    public const ulong PageQueue = 0x10_b000;
    public const ulong Tables = 0x20_0000;
    public const ushort Device = 0x08;
    public const ushort OtherDevice = 0x10;

    private ulong _nextTable = Tables;
    private ulong _tail;
    private uint _ticket;

    public VtdMachine(VtdUnit? unit = null, VtdModelOptions? options = null)
    {
        Model = new VtdModel<DeviceMemory>(unit ?? VtdUnit.Server48, Memory.DeviceView, options);
    }

    public PhysicalMemory Memory { get; } = new(1ul << 34, isCoherent: true);

    public VtdModel<DeviceMemory> Model { get; }

    public List<VtdMessage> Messages { get; } = [];

    public void Dispose() => Memory.Dispose();

    public ulong Load(ulong address) => BinaryPrimitives.ReadUInt64LittleEndian(Memory.CpuView.Span(address, 8));

    public VtdMachine Store(ulong address, params ReadOnlySpan<ulong> values)
    {
        foreach (ulong value in values)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(Memory.CpuView.Span(address, 8), value);
            address += 8;
        }

        return this;
    }

    /// <summary>A zeroed page of 4 KiB for a table.</summary>
    public ulong NewTable()
    {
        ulong table = _nextTable;
        _nextTable += 0x1000;
        return table;
    }

    /// <summary>Stores an entry that leads to a page, and pointers to it where there are none, with every right.</summary>
    /// <param name="root">The root.</param>
    /// <param name="level">The level of the root: 2 for three levels.</param>
    /// <param name="address">The address that it translates.</param>
    /// <param name="entry">The entry.</param>
    /// <param name="leafLevel">Its level: 0 for 4 KiB.</param>
    /// <returns>Where the entry is.</returns>
    public ulong Map(ulong root, int level, ulong address, ulong entry, int leafLevel = 0)
    {
        ulong table = root;
        for (; level > leafLevel; level--)
        {
            ulong place = table + Offset(address, level);
            if (Load(place) == 0)
            {
                Store(place, NewTable() | 7);
            }

            table = Load(place) & 0x000f_ffff_ffff_f000;
        }

        Store(table + Offset(address, leafLevel), entry);
        return table + Offset(address, leafLevel);
    }

    /// <summary>The entry on the way to an address in a table of a level.</summary>
    public ulong PlaceOf(ulong root, int level, ulong address, int wantedLevel)
    {
        ulong table = root;
        for (; level > wantedLevel; level--)
        {
            table = Load(table + Offset(address, level)) & 0x000f_ffff_ffff_f000;
        }

        return table + Offset(address, wantedLevel);
    }

    /// <summary>Legacy mode: a context entry of a device on bus 0.</summary>
    public VtdMachine Bind(
        ulong secondStage, ushort domain = 1, ushort device = Device, VtdContextType type = VtdContextType.Untranslated, int width = 2)
    {
        Store(Root, Context | 1, 0);
        var entry = VtdContextEntry.Create(type, secondStage, width, domain);
        return Store(Context + (device * 16ul), entry.Lower, entry.Upper);
    }

    /// <summary>Scalable mode: a context entry of a device on bus 0 whose directory has one table, <see cref="PasidTable"/>.</summary>
    public VtdMachine BindScalable(ushort device = Device, ulong flags = 0, int requestPasid = 0)
    {
        Store(Root, Context | 1, UpperContext | 1);
        Store(Directory, PasidTable | 1);
        return Store(((device & 0x80) == 0 ? Context : UpperContext) + ((ulong)(device & 0x7f) * 32), Directory | flags | 1, (uint)requestPasid, 0, 0);
    }

    /// <summary>Scalable mode: a PASID entry.</summary>
    public VtdMachine BindPasid(
        int pasid, VtdPasidType type, ushort domain, ulong secondStage = 0, int width = 2, ulong firstStage = 0, ulong control = 0, ulong flags = 0) => Store(
        PasidTable + ((ulong)pasid * 64),
        secondStage | ((ulong)type << 6) | ((ulong)width << 2) | flags | 1,
        domain,
        firstStage | control,
        0,
        0,
        0,
        0,
        0);

    /// <summary>Writes the registers as a driver does: root, queue, translation.</summary>
    public VtdMachine SwitchOn(bool isScalable = false, bool usesQueue = true)
    {
        Model.MessageSent = Messages.Add;
        Model.Write64(VtdRegister.RootTable, Root | (isScalable ? 1ul << 10 : 0));
        uint status = 0;
        if (usesQueue)
        {
            Model.Write64(VtdRegister.QueueAddress, Queue | (isScalable ? VtdRegister.QueueAddressBits.Wide : 0));
            Model.Write32(VtdRegister.GlobalCommand, status = VtdRegister.Global.QueuedInvalidationEnable);
        }

        Model.Write32(VtdRegister.GlobalCommand, status | VtdRegister.Global.SetRootTable);
        Model.Write32(VtdRegister.GlobalCommand, status | VtdRegister.Global.TranslationEnable);
        return this;
    }

    /// <summary>Lets a driver clear what faults left.</summary>
    public VtdFaultRecord? TakeRecord()
    {
        uint index = (Model.Read32(VtdRegister.FaultStatus) >> VtdRegister.FaultStatusBits.RecordIndexShift) & 0xff;
        uint offset = Model.Unit.Capability.FaultRecordOffset + (index * VtdFaultRecord.Bytes);
        var record = new VtdFaultRecord(Model.Read64(offset), Model.Read64(offset + 8));
        Model.Write32(offset + 12, 1u << 31);
        Model.Write32(VtdRegister.FaultStatus, VtdRegister.FaultStatusBits.Overflow);
        return record.IsFault ? record : null;
    }

    /// <summary>Puts descriptors into the queue and rings the doorbell.</summary>
    public VtdMachine Submit(params ReadOnlySpan<VtdInvalidationDescriptor> descriptors)
    {
        bool isWide = (Model.Read64(VtdRegister.QueueAddress) & VtdRegister.QueueAddressBits.Wide) != 0;
        foreach (var descriptor in descriptors)
        {
            Store(Queue + _tail, descriptor.Qw0, descriptor.Qw1);
            if (isWide)
            {
                Store(Queue + _tail + 16, descriptor.Qw2, descriptor.Qw3);
            }

            _tail = (_tail + (isWide ? 32ul : 16)) & 0xfff;
        }

        Model.Write64(VtdRegister.QueueTail, _tail);
        return this;
    }

    /// <summary>Invalidates, and waits as a driver does.</summary>
    public VtdMachine Invalidate(params ReadOnlySpan<VtdInvalidationDescriptor> descriptors)
    {
        uint ticket = ++_ticket;
        Submit([.. descriptors, Wait(ticket)]);
        ((uint)Load(Status)).ShouldBe(ticket, "The wait has not completed.");
        return this;
    }

    public static VtdInvalidationDescriptor Wait(uint ticket, ulong flags = 0) => new(5 | 0x20 | flags | ((ulong)ticket << 32), Status, 0, 0);

    public static VtdInvalidationDescriptor Contexts(VtdGranularity granularity, ushort domain = 0, ushort source = 0, int functionMask = 0) =>
        new(1 | ((ulong)granularity << 4) | ((ulong)domain << 16) | ((ulong)source << 32) | ((ulong)functionMask << 48), 0, 0, 0);

    public static VtdInvalidationDescriptor Iotlb(
        VtdGranularity granularity, ushort domain = 0, ulong address = 0, int addressMask = 0, bool hint = false) =>
        new(2 | ((ulong)granularity << 4) | 0xc0 | ((ulong)domain << 16), address | (uint)addressMask | (hint ? 0x40ul : 0), 0, 0);

    public static VtdInvalidationDescriptor PasidIotlb(
        VtdGranularity granularity, ushort domain, int pasid, ulong address = 0, int addressMask = 0, bool hint = false) => new(
        6 | ((ulong)granularity << 4) | ((ulong)domain << 16) | ((ulong)pasid << 32), address | (uint)addressMask | (hint ? 0x40ul : 0), 0, 0);

    /// <summary>Of a PASID cache: 0 is a domain, 1 a PASID of it, 3 all.</summary>
    public static VtdInvalidationDescriptor Pasids(int granularity, ushort domain = 0, int pasid = 0) =>
        new(7 | ((ulong)granularity << 4) | ((ulong)domain << 16) | ((ulong)pasid << 32), 0, 0, 0);

    public ulong? Read(ulong address, ushort device = Device, int pasid = VtdRequest.NoPasid) => PhysicalOf(Ask(address, VtdAccess.Read, device, pasid), address);

    public ulong? Write(ulong address, ushort device = Device, int pasid = VtdRequest.NoPasid) => PhysicalOf(Ask(address, VtdAccess.Write, device, pasid), address);

    public VtdTranslation Ask(ulong address, VtdAccess access, ushort device = Device, int pasid = VtdRequest.NoPasid) =>
        Model.Translate(new VtdRequest(device, address, access, pasid));

    /// <summary>The reason of a request that has to be stopped, which the record has to say too.</summary>
    public VtdFaultReason Fault(ulong address, VtdAccess access = VtdAccess.Read, ushort device = Device, int pasid = VtdRequest.NoPasid)
    {
        var answer = Ask(address, access, device, pasid);
        answer.Outcome.ShouldBe(VtdOutcome.Fault);
        answer.Range.IsAllowed.ShouldBeFalse();
        var record = TakeRecord();
        record.ShouldNotBeNull();
        record.Value.Reason.ShouldBe(answer.Reason);
        record.Value.SourceId.ShouldBe(device);
        record.Value.Address.ShouldBe(address & ~0xffful);
        record.Value.IsRead.ShouldBe((access & VtdAccess.Read) != 0);
        record.Value.Pasid.ShouldBe(pasid < 0 ? null : pasid);
        return answer.Reason;
    }

    private static ulong? PhysicalOf(in VtdTranslation answer, ulong address) => answer.Range.IsAllowed ? answer.Range.PhysicalOf(address) : null;

    private static ulong Offset(ulong address, int level) => (address >> (12 + (9 * level)) & 0x1ff) * 8;
}
