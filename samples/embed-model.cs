#:project ../src/IommuKit.Models/IommuKit.Models.csproj

// An emulator's side: a guest's memory with a hole, an IOMMU model in front of a device, registers, an interrupt, and a snapshot. No unsafe code.
//     dotnet run samples/embed-model.cs
using System.Buffers.Binary;
using IommuKit.Models.Dma;
using IommuKit.Models.Memory;
using IommuKit.Models.Tegra;
using IommuKit.Specs.Tegra;

// Memory as the emulator has it.
var guest = new GuestMemory();
guest.Add(0x8000_0000, new byte[1 << 20]);
guest.Add(0x9000_0000, new byte[1 << 20]);

// The model. Writes to its registers arrive here from the emulator's bus: Write32(offset, value).
var soc = TegraSoc.Tegra210;
var smmu = new TegraSmmuModel<GuestMemoryView>(soc, guest.View) { Interrupt = level => Console.WriteLine($"interrupt line: {level}") };
var client = soc.Clients.First(one => one.Name == "sdmmcwa");
var group = soc.FindSwgroup(client.Swgroup)!;

// What a guest's driver does: a directory and a table at 0x80000000, one page of IOVA 0x1000 to 0x90000000, and the unit switched on.
const uint readWrite = TegraEntry.Readable | TegraEntry.Writable | TegraEntry.NonSecure;
Store(0x8000_0000, readWrite | TegraEntry.Next | (0x8000_1000u >> TegraEntry.PageShift));
Store(0x8000_1000 + sizeof(uint), readWrite | (0x9000_0000u >> TegraEntry.PageShift));
smmu.Write32(TegraMc.PtbAsid, 1);
smmu.Write32(TegraMc.PtbData, readWrite | (0x8000_0000u >> TegraEntry.PageShift));
smmu.Write32(group.AsidRegister, TegraMc.SwgroupBits.Enable | 1);
smmu.Write32(client.EnableRegister!.Value, client.EnableMask);
smmu.Write32(TegraMc.IntMask, TegraMc.Interrupt.InvalidSmmuPage);
smmu.Write32(TegraMc.SmmuConfig, TegraMc.SmmuConfigBits.Enable);
_ = smmu.Read32(TegraMc.SmmuConfig);

// The device's side. Until the lease ends, the guest's unmap does not complete. Written may mark pages dirty for a migration.
guest.Written = (address, length) => Console.WriteLine($"the device wrote {length} bytes at 0x{address:x}");
var device = new DmaDevice<GuestMemoryView>(smmu, guest.View, client.Id, client.Id);
using (var access = device.Acquire(0x1100, 16, isWrite: true))
{
    while (access.TryNext(out var piece))
    {
        piece.Fill(0xaa);
    }
}

// A device that goes astray raises the line; a snapshot holds that too, and what the caches hold.
Console.WriteLine($"outside its page it writes {device.Write(0x5000, [1]).Transferred} bytes");
byte[] snapshot = smmu.Save();
var copy = new TegraSmmuModel<GuestMemoryView>(soc, guest.View);
copy.Restore(snapshot);
Console.WriteLine($"{snapshot.Length} bytes of state; in the copy the line is {(copy.IsInterruptRaised ? "raised" : "low")}");

void Store(ulong address, uint entry)
{
    Span<byte> bytes = stackalloc byte[sizeof(uint)];
    BinaryPrimitives.WriteUInt32LittleEndian(bytes, entry);
    _ = guest.View.TryWrite(address, bytes);
}
