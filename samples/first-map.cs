#:project ../src/IommuKit.Lab/IommuKit.Lab.csproj

// Maps a buffer for a device behind a Tegra210 SMMU, lets the device write into it, and takes the buffer away again.
//     dotnet run samples/first-map.cs
using IommuKit.Domains;
using IommuKit.Lab.Iommus.Tegra;
using IommuKit.Lab.Machines;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Tegra;

using var machine = TegraMachine.Create(TegraSoc.Tegra210);
using var domain = machine.CreateDomain(new DomainOptions { Policy = SyncPolicy.Gather });
var device = machine.Driver.GetDevice("sdmmc1a");
domain.Attach(device);
domain.FaultHandler = fault => Console.WriteLine($"fault: {fault}");

const ulong iova = 0x1000_0000;
ulong buffer = machine.DataStart;
domain.Map(iova, buffer, 16 << 10, Protection.Read | Protection.Write);

var dma = machine.CreateDma(device);
dma.Write(iova + 0x100, "hello"u8);
machine.Memory.Invalidate(buffer, 4096);
Console.WriteLine($"in memory: {System.Text.Encoding.ASCII.GetString(machine.Memory.CpuView.Span(buffer + 0x100, 5))}");

domain.Unmap(iova, 16 << 10);
Console.WriteLine($"after unmap the device writes {dma.Write(iova, "too late"u8).Transferred} bytes");

var counts = machine.Counts;
Console.WriteLine(
    $"{counts[OperationKind.RegisterWrite]} register writes, {counts[OperationKind.RegisterRead]} reads, "
        + $"{counts[OperationKind.LineCleaned]} cache lines cleaned");
