#:project ../src/IommuKit.Models/IommuKit.Models.csproj

// An emulator's side of an SMMUv3: a guest's memory, registers, interrupts, an access of a device, translations that the emulator keeps and drops as it
// is told, a snapshot. No unsafe code.
//     dotnet run samples/embed-smmuv3.cs
using System.Buffers.Binary;
using IommuKit.Models.Dma;
using IommuKit.Models.Memory;
using IommuKit.Models.Smmu3;
using IommuKit.Specs.Smmu3;

const uint stream = 8;
const ulong iova = 0x1234_5000;
const ulong streamTable = 0x8000_0000, descriptor = 0x8000_1000, commands = 0x8000_2000, events = 0x8000_3000, tables = 0x8000_4000;
const ulong firstPage = 0x9000_0000, secondPage = 0x9000_1000;

// Memory as the emulator has it.
var guest = new GuestMemory();
guest.Add(0x8000_0000, new byte[1 << 20]);
guest.Add(0x9000_0000, new byte[1 << 20]);

// The model. The guest's accesses of its registers arrive here from the emulator's bus: Read32, Read64, Write32, Write64.
var smmu = new Smmu3Model<GuestMemoryView>(Smmu3Unit.Mmu600, guest.View)
{
    InterruptRaised = wire => Console.WriteLine($"interrupt: {wire}"),
    MessageSent = message =>
    {
        Console.WriteLine($"message 0x{message.Data:x} to 0x{message.Address:x}");
        return true;
    },
};

// The emulator's own TLB: it drops what it is told to, and keeps no answer that a notice may have overtaken.
var kept = new List<(uint Stream, Translation Range)>();
long notices = 0;
smmu.Invalidated += notice =>
{
    lock (kept)
    {
        notices++;
        int gone = kept.RemoveAll(one => notice.Concerns(one.Stream, Smmu3Request.NoSubstream, one.Range));
        Console.WriteLine($"told of {notice.Scope}: {gone} of the kept translations dropped");
    }
};

// What a guest's driver does: a stream table entry, a context descriptor, four levels of tables with one page, and the unit switched on.
Store(streamTable + (stream * Smmu3StreamEntry.Bytes), descriptor | (Smmu3StreamEntry.Stage1 << 1) | Smmu3StreamEntry.Valid);
Store(descriptor, (1ul << 48) | (1ul << 46) | (1ul << 45) | (1ul << 41) | (5ul << 32) | (1ul << 31) | (1ul << 30) | 16, tables, 0, 0x44_00ff);
for (int level = 0; level < 3; level++)
{
    Store(EntryOf(level), (tables + ((ulong)(level + 1) << 12)) | 3);
}

Store(EntryOf(3), Leaf(firstPage));
smmu.Write64(Smmu3Register.StreamTable, streamTable);
smmu.Write32(Smmu3Register.StreamTableConfig, 4);
smmu.Write64(Smmu3Register.CommandQueue, commands | 4);
smmu.Write64(Smmu3Register.EventQueue, events | 4);
smmu.Write32(Smmu3Register.InterruptControl, Smmu3Register.Interrupts.Event);
smmu.Write32(
    Smmu3Register.Control0, Smmu3Register.Control.Enable | Smmu3Register.Control.CommandQueue | Smmu3Register.Control.EventQueue);
Console.WriteLine($"enabled: CR0ACK is 0x{smmu.Read32(Smmu3Register.Control0Ack):x}");

// The device's side, twice: the second time without the model.
Write(iova + 0x100, "hello"u8);
Write(iova + 0x105, " again"u8);

// The guest moves the page, and invalidates. That it is complete it sees by CONS, after the emulator has been told.
Store(EntryOf(3), Leaf(secondPage));
Submit(Smmu3Command.DropAddress(Smmu3CommandCode.DropVa, iova, asid: 1, leaf: true), Smmu3Command.Sync(1, 0xfee0_0000, 0x42));
Console.WriteLine($"commands done: {smmu.Read32(Smmu3Register.CommandConsumer)}");
Write(iova + 0x100, "moved"u8);
Console.WriteLine($"in memory: {Text(firstPage + 0x100, 11)}, {Text(secondPage + 0x100, 5)}");

// A device that goes astray leaves an event; a snapshot holds that too, and what the caches hold.
Write(iova + 0x1000, "astray"u8);
Console.WriteLine($"event 0x{Load(events) & 0xff:x} of stream {Load(events) >> 32}");
byte[] snapshot = smmu.Save();
var copy = new Smmu3Model<GuestMemoryView>(Smmu3Unit.Mmu600, guest.View);
copy.Restore(snapshot);
var answer = copy.Translate(new Smmu3Request(stream, iova, Smmu3Access.Read));
Console.WriteLine($"{snapshot.Length} bytes of state; in the copy 0x{iova:x} is at 0x{answer.Range.PhysicalOf(iova):x}");

// The lease is what a CMD_SYNC waits for, so it is held from the look-up until the bytes are there.
void Write(ulong address, ReadOnlySpan<byte> data)
{
    using var access = smmu.Accesses.Enter();
    if (Translate(address) is not { } range)
    {
        Console.WriteLine($"0x{address:x}: refused");
        return;
    }

    // This data crosses no page; other may.
    _ = guest.View.TryWrite(range.PhysicalOf(address), data);
}

Translation? Translate(ulong address)
{
    long before;
    lock (kept)
    {
        int found = kept.FindIndex(one => one.Stream == stream && one.Range.Contains(address));
        if (found >= 0)
        {
            Console.WriteLine($"0x{address:x}: kept");
            return kept[found].Range;
        }

        before = notices;
    }

    var asked = smmu.Translate(new Smmu3Request(stream, address, Smmu3Access.Write));
    lock (kept)
    {
        if (asked.Outcome == Smmu3Outcome.Allowed && before == notices)
        {
            kept.Add((stream, asked.Range));
        }
    }

    return asked.Outcome == Smmu3Outcome.Allowed ? asked.Range : null;
}

void Submit(params ReadOnlySpan<Smmu3Command> all)
{
    uint producer = smmu.Read32(Smmu3Register.CommandProducer);
    foreach (var command in all)
    {
        Store(commands + (producer++ * Smmu3Command.Bytes), command.Lower, command.Upper);
    }

    smmu.Write32(Smmu3Register.CommandProducer, producer);
}

// The tables of the levels lie one after the other.
static ulong EntryOf(int level) => tables + ((ulong)level << 12) + ((iova >> (39 - (9 * level)) & 0x1ff) * 8);

static ulong Leaf(ulong page) => page | (1ul << 11) | (1ul << 10) | (1ul << 6) | 3;

string Text(ulong address, int length)
{
    Span<byte> bytes = stackalloc byte[length];
    _ = guest.View.TryRead(address, bytes);
    return System.Text.Encoding.ASCII.GetString(bytes);
}

ulong Load(ulong address)
{
    Span<byte> bytes = stackalloc byte[sizeof(ulong)];
    _ = guest.View.TryRead(address, bytes);
    return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
}

void Store(ulong address, params ReadOnlySpan<ulong> values)
{
    Span<byte> bytes = stackalloc byte[sizeof(ulong)];
    foreach (ulong value in values)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        _ = guest.View.TryWrite(address, bytes);
        address += sizeof(ulong);
    }
}
