using System.Globalization;
using EduDma;
using IommuKit.Dma;
using IommuKit.HostLab;
using IommuKit.Linux.Vfio;

// What scripts/lab runs in a guest, as root, with a device "edu" that vfio-pci has: DEVICE BACKEND PAIRS OTHER. A line for each check, and
// RESULT=failures.
// OTHER is a second device, alone on its bus. "faults LOG DEVICE" compares the kernel's log with what was tried.
if (args is ["faults", var log, var tried])
{
    return LogChecks.Compare(log, tried);
}

string device = args[0];
var backEnd = Enum.Parse<HostBackEnd>(args[1]);
if (args is [_, _, "hold"])
{
    // Maps, says so, and waits to be killed.
    using var held = Machine.OfDevice(device, backEnd);
    using var buffer = held.Mapper.CreateBuffer(1 << 20);
    Console.WriteLine("holding");
    Console.Out.Flush();
    Thread.Sleep(Timeout.Infinite);
}

if (args is [_, _, "lock"])
{
    return LimitChecks.Lock(device, backEnd);
}

if (args is [_, _, "ports"])
{
    return PortChecks.Run(device, backEnd);
}

int pairs = int.Parse(args[2], CultureInfo.InvariantCulture);
var checks = new Checks();
await checks.Run("data goes both ways", () => DeviceChecks.BothWays(device, backEnd));
await checks.Run("parts of arrays go both ways, and what is around them is out of reach", () => DeviceChecks.Arrays(device, backEnd, DmaBounce.Edges));
await checks.Run("a device that is not trusted gets copies", () => DeviceChecks.Arrays(device, backEnd, DmaBounce.All));
await checks.Run("a device changes nothing that is unmapped, or that it may only read", () => DeviceChecks.Refused(device, backEnd));
await checks.Run("an unmap revokes", () => DeviceChecks.Revoked(device, backEnd));
await checks.Run("bad maps have the right errors", () => MapChecks.Errors(device, backEnd));
await checks.Run("4,000 mappings are made and torn down", () => MapChecks.Many(device, backEnd));
await checks.Run(
    "many maps and unmaps leave no file, no pinned page, no memory of the kernel and no garbage", () => MapChecks.Pairs(device, backEnd, pairs));
await checks.Run("what was mapped before a device came is there", () => DeviceChecks.Replayed(device, backEnd));
await checks.Run("a device goes from one domain to another", () => DeviceChecks.Moved(device, backEnd));
await checks.Run("pages that a device wrote to are told, or that they cannot be", () => DeviceChecks.Dirty(device, backEnd));
await checks.Run("a device reaches memory in a file, by its addresses and by itself where the kernel can", () => FileChecks.BothWays(device, backEnd));
await checks.Run("a mapping is copied into another domain, or a sentence says why not", () => CopyChecks.Copies(device, backEnd));
await checks.Run("locked memory is counted, and large pages are used, as was chosen", () => CopyChecks.Options(device, backEnd));
await checks.Run("pages that a device waits for have a queue, or a sentence says why not", () => FaultChecks.Queue(device, backEnd));
await checks.Run("interrupts of the pin come, and are unmasked", () => InterruptChecks.Pin(device, backEnd));
await checks.Run("buffers in huge pages go both ways", () => HugeChecks.BothWays(device, backEnd));
if (args is [_, _, _, { Length: > 0 } other])
{
    await checks.Run("a device that can be reset is, and of another a sentence says why not", () => ResetChecks.Reset(device, backEnd, other));
    await checks.Run("a device reaches another, or a sentence says why not", () => PeerChecks.Reach(device, backEnd, other));
}

await checks.Run("what is open is closed in any order, without a file left", () => MapChecks.AnyOrder(device, backEnd));
await checks.Run("what is closed has zeros in its place, though the kernel promises no more memory", LimitChecks.Close);
await checks.Run("a killed process leaves nothing behind", () => MapChecks.Killed(device, backEnd));
Console.WriteLine($"RESULT={checks.Failures}");
return checks.Failures == 0 ? 0 : 1;
