using EduDma;
using IommuKit.Dma;
using IommuKit.Linux;

// dotnet run --project samples/EduDma [DEVICE]: sends a text through the device, or through a model of it where none is named.
try
{
    using var machine = args is [var name] ? Machine.OfDevice(name) : Machine.OfModel();
    using var there = machine.Mapper.CreateBuffer(4096, DmaDirection.ToDevice);
    using var back = machine.Mapper.CreateBuffer(4096, DmaDirection.FromDevice);
    "Hello from the other side of an IOMMU."u8.CopyTo(there.Bytes);
    await machine.Driver.SendAsync(there.Iova, 64);
    await machine.Driver.ReceiveAsync(back.Iova, 64);
    Console.WriteLine(System.Text.Encoding.UTF8.GetString(back.Bytes[..64]).TrimEnd('\0'));

    // The device may read the first buffer, not write it; and nothing that is not mapped.
    await machine.Driver.ReceiveAsync(there.Iova + 1024, 64);
    Console.WriteLine(there.Bytes[1024..1088].ContainsAnyExcept((byte)0) ? "The device wrote where it may not." : "It cannot write what it may only read.");
    return 0;
}
catch (HostException refusal)
{
    Console.Error.WriteLine($"EduDma: {refusal.Message}");
    return 1;
}
