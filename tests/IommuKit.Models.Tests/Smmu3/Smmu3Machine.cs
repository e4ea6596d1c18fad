using System.Buffers.Binary;
using IommuKit.Models.Memory;
using IommuKit.Models.Smmu3;
using IommuKit.Specs.Smmu3;

namespace IommuKit.Models.Tests.Smmu3;

/// <summary>
/// An SMMUv3 with memory, and software that writes its structures by hand: a linear stream table, context descriptors, queues, and tables from
/// <see cref="Tables"/> on.
/// </summary>
internal sealed class Smmu3Machine : IDisposable
{
    public const ulong StreamTable = 0x10_0000;
    public const ulong Contexts = 0x11_0000;
    public const ulong CommandQueue = 0x12_0000;
    public const ulong EventQueue = 0x13_0000;
    public const ulong PageQueue = 0x14_0000;
    public const ulong Status = 0x15_0000;
    public const ulong Tables = 0x20_0000;
    public const int StreamsLog2 = 6;
    public const int QueueLog2 = 5;
    public const uint Device = 8;

    public const ulong ValidLeaf = 0x3 | (1ul << 6) | (1ul << 10) | (1ul << 11);

    private ulong _nextTable = Tables;
    private uint _producer;

    public Smmu3Machine(Smmu3Unit? unit = null, Smmu3ModelOptions? options = null)
    {
        Unit = unit ?? Smmu3Unit.Full;
        Model = new Smmu3Model<DeviceMemory>(Unit, Memory.DeviceView, options);
        Model.InterruptRaised = Interrupts.Add;
        Model.StallEnded = Ended.Add;
        Model.PageResponded = Responses.Add;
    }

    public Smmu3Unit Unit { get; }

    public PhysicalMemory Memory { get; } = new(1ul << 33, isCoherent: true);

    public Smmu3Model<DeviceMemory> Model { get; }

    public List<Smmu3Interrupt> Interrupts { get; } = [];

    public List<Smmu3StallEnd> Ended { get; } = [];

    public List<Smmu3PageResponse> Responses { get; } = [];

    public uint Errors => Model.Read32(Smmu3Register.GlobalError) ^ Model.Read32(Smmu3Register.GlobalErrorAck);

    public Smmu3CommandError CommandError => (Smmu3CommandError)(Model.Read32(Smmu3Register.CommandConsumer) >> 24);

    public void Dispose() => Memory.Dispose();

    public ulong Load(ulong address) => BinaryPrimitives.ReadUInt64LittleEndian(Memory.CpuView.Span(address, 8));

    public Smmu3Machine Store(ulong address, params ReadOnlySpan<ulong> values)
    {
        foreach (ulong value in values)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(Memory.CpuView.Span(address, 8), value);
            address += 8;
        }

        return this;
    }

    /// <summary>A zeroed table of a granule.</summary>
    public ulong NewTable(int granule = 12)
    {
        ulong bytes = 1ul << granule;
        ulong table = (_nextTable + bytes - 1) & ~(bytes - 1);
        _nextTable = table + bytes;
        return table;
    }

    /// <summary>Stores a leaf, and pointers to it where there are none.</summary>
    /// <param name="root">The root.</param>
    /// <param name="address">The address that it translates.</param>
    /// <param name="leaf">The leaf.</param>
    /// <param name="leafLevel">Its level, as Arm counts.</param>
    /// <param name="startLevel">That of the root.</param>
    /// <param name="granule">Log2 of the granule.</param>
    /// <param name="inputBits">Bits of an address.</param>
    /// <returns>Where the leaf is.</returns>
    public ulong Map(ulong root, ulong address, ulong leaf, int leafLevel = 3, int startLevel = 0, int granule = 12, int inputBits = 48)
    {
        ulong table = root;
        address &= (1ul << inputBits) - 1;
        for (int level = startLevel; level < leafLevel; level++)
        {
            ulong place = table + Offset(address, level, startLevel, granule);
            if (Load(place) == 0)
            {
                Store(place, NewTable(granule) | 3);
            }

            table = Load(place) & 0x0000_ffff_ffff_f000;
        }

        ulong at = table + Offset(address, leafLevel, startLevel, granule);
        Store(at, leaf);
        return at;
    }

    private static ulong Offset(ulong address, int level, int startLevel, int granule)
    {
        int bits = granule - 3;
        ulong index = address >> (granule + ((3 - level) * bits));
        return (level == startLevel ? index : index & ((1ul << bits) - 1)) * 8;
    }

    /// <summary>Writes a stream table entry.</summary>
    public Smmu3Machine SetStream(uint stream, ulong w0, ulong w1 = 0, ulong w2 = 0, ulong w3 = 0) =>
        Store(StreamTable + (stream * 64ul), w0, w1, w2, w3);

    /// <summary>Words 2 and 3 of a stream table entry with stage 2 of 40 bits by 4 KiB tables from level 1, which records faults.</summary>
    public static ulong Second(ushort vmid, ulong flags = 0, int t0sz = 24, int sl0 = 1, int tg = 0, int ps = 5) =>
        vmid | ((ulong)(uint)t0sz << 32) | ((ulong)(uint)sl0 << 38) | ((ulong)(uint)tg << 46) | ((ulong)(uint)ps << 48)
        | (1ul << 51) | (1ul << 58) | flags;

    /// <summary>Word 0 of a context descriptor with TTB0 of 48 bits by 4 KiB tables alone, which records and aborts.</summary>
    public static ulong First(ushort asid, ulong flags = 0, int t0sz = 16, int tg = 0, int ips = 5) =>
        (uint)t0sz | ((ulong)(uint)tg << 6) | (1ul << 30) | (1ul << 31) | ((ulong)(uint)ips << 32)
        | (1ul << 41) | (1ul << 45) | (1ul << 46) | flags | ((ulong)asid << 48);

    /// <summary>Stage 1 for a device.</summary>
    public Smmu3Machine BindFirst(ulong root, ushort asid = 1, uint stream = Device, ulong flags = 0, ushort vmid = 0)
    {
        ulong context = Contexts + (stream * 64ul);
        Store(context, First(asid, flags), root, 0, 0x44_00ff);
        return SetStream(stream, context | (5 << 1) | 1, 0, vmid);
    }

    /// <summary>Stage 2 for a device.</summary>
    public Smmu3Machine BindSecond(ulong root, ushort vmid = 1, uint stream = Device, ulong flags = 0) =>
        SetStream(stream, (6 << 1) | 1, 0, Second(vmid, flags), root);

    /// <summary>Both stages for a device. Where the context descriptor and the tables of stage 1 are, stage 2 has to say.</summary>
    public Smmu3Machine BindNested(
        ulong firstRoot, ulong secondRoot, ushort asid = 1, ushort vmid = 1, uint stream = Device, ulong flags = 0, ulong secondFlags = 0)
    {
        ulong context = Contexts + (stream * 64ul);
        Store(context, First(asid, flags), firstRoot, 0, 0x44_00ff);
        return SetStream(stream, context | (7 << 1) | 1, 0, Second(vmid, secondFlags), secondRoot);
    }

    /// <summary>Stage 2 that maps the first 16 MiB, where everything is, to itself.</summary>
    public ulong NewIdentitySecond(ulong rights = 3ul << 6)
    {
        // 1024 entries: two tables next to each other.
        ulong root = NewTable(13);
        for (ulong address = 0; address < 16 << 20; address += 0x1000)
        {
            Map(root, address, address | 3 | (0xf << 2) | rights | (1 << 10), startLevel: 1, inputBits: 40);
        }

        return root;
    }

    /// <summary>Writes the registers as a driver does.</summary>
    public Smmu3Machine SwitchOn(uint control2 = Smmu3Register.Control2Bits.RecordsBadStream, uint control = 0)
    {
        Model.Write32(Smmu3Register.Control2, control2);
        Model.Write64(Smmu3Register.StreamTable, StreamTable);
        Model.Write32(Smmu3Register.StreamTableConfig, StreamsLog2);
        Model.Write64(Smmu3Register.CommandQueue, CommandQueue | QueueLog2);
        Model.Write64(Smmu3Register.EventQueue, EventQueue | QueueLog2);
        Model.Write64(Smmu3Register.PageRequestQueue, PageQueue | QueueLog2);
        Model.Write32(Smmu3Register.InterruptControl, Smmu3Register.Interrupts.Mask);
        uint wanted = Smmu3Register.Control.Enable | Smmu3Register.Control.CommandQueue | Smmu3Register.Control.EventQueue | control
            | (Unit.HasPageRequests ? Smmu3Register.Control.PageRequestQueue : 0);
        Model.Write32(Smmu3Register.Control0, wanted);
        Model.Read32(Smmu3Register.Control0Ack).ShouldBe(wanted);
        return this;
    }

    /// <summary>Puts commands into the queue and rings the doorbell.</summary>
    public Smmu3Machine Submit(params ReadOnlySpan<Smmu3Command> commands)
    {
        foreach (var command in commands)
        {
            Store(CommandQueue + ((_producer & ((1u << QueueLog2) - 1)) * 16ul), command.Lower, command.Upper);
            _producer = (_producer + 1) & ((2u << QueueLog2) - 1);
        }

        Model.Write32(Smmu3Register.CommandProducer, _producer);
        return this;
    }

    /// <summary>Invalidates, and waits as a driver does.</summary>
    public Smmu3Machine Invalidate(params ReadOnlySpan<Smmu3Command> commands)
    {
        Submit([.. commands, Smmu3Command.Sync()]);
        Model.Read32(Smmu3Register.CommandConsumer).ShouldBe(_producer, "CMD_SYNC has not completed.");
        return this;
    }

    public Smmu3Translation Ask(
        ulong address, Smmu3Access access = Smmu3Access.Read, uint stream = Device, int substream = Smmu3Request.NoSubstream,
        Smmu3RequestKind kind = Smmu3RequestKind.Untranslated) => Model.Translate(new Smmu3Request(stream, address, access, substream, kind));

    public ulong? Read(ulong address, uint stream = Device, int substream = Smmu3Request.NoSubstream) =>
        PhysicalOf(Ask(address, Smmu3Access.Read, stream, substream), address);

    public ulong? Write(ulong address, uint stream = Device, int substream = Smmu3Request.NoSubstream) =>
        PhysicalOf(Ask(address, Smmu3Access.Write, stream, substream), address);

    /// <summary>Takes the next record from the event queue; null if there is none.</summary>
    public Smmu3Event? TakeEvent()
    {
        uint producer = Model.Read32(Smmu3Register.EventProducer);
        uint consumer = Model.Read32(Smmu3Register.EventConsumer);
        const uint mask = (2u << QueueLog2) - 1;
        if (((producer ^ consumer) & mask) == 0)
        {
            return null;
        }

        ulong at = EventQueue + ((consumer & (mask >> 1)) * 32ul);
        var record = new Smmu3Event(Load(at), Load(at + 8), Load(at + 16), Load(at + 24));
        Model.Write32(Smmu3Register.EventConsumer, ((consumer + 1) & mask) | (producer & Smmu3Register.Overflow));
        return record;
    }

    /// <summary>The event of a transaction that has to end with an abort, and leaves exactly one record.</summary>
    public Smmu3Event Fault(
        ulong address, Smmu3Access access = Smmu3Access.Read, uint stream = Device, int substream = Smmu3Request.NoSubstream)
    {
        var answer = Ask(address, access, stream, substream);
        answer.Outcome.ShouldBe(Smmu3Outcome.Abort);
        answer.Range.IsAllowed.ShouldBeFalse();
        var record = TakeEvent();
        record.ShouldNotBeNull();
        record.Value.Type.ShouldBe(answer.Event);
        record.Value.StreamId.ShouldBe(stream);
        TakeEvent().ShouldBeNull();
        return record.Value;
    }

    private static ulong? PhysicalOf(in Smmu3Translation answer, ulong address) => answer.Range.IsAllowed ? answer.Range.PhysicalOf(address) : null;
}
