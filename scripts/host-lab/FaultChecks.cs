using IommuKit.Linux;
using IommuKit.Linux.Vfio;

namespace IommuKit.HostLab;

/// <summary>Pages that devices wait for. "edu" waits for none: what can be seen is that the kernel takes the calls, or why not.</summary>
internal static class FaultChecks
{
    private static readonly Version s_first = new(6, 11);

    public static async Task Queue(string name, HostBackEnd backEnd)
    {
        using var host = VfioHost.Open([name], backEnd);
        HostFaults queue;
        try
        {
            queue = host.CreateFaultQueue();
        }
        catch (HostException refusal) when (host.BackEnd == HostBackEnd.LegacyOnly || Environment.OSVersion.Version < s_first)
        {
            Checks.That(refusal.Message.Contains(host.BackEnd == HostBackEnd.LegacyOnly ? "iommufd" : "6.11"), refusal.Message);
            return;
        }

        var wait = queue.ReadAsync().AsTask();
        Checks.That(!wait.IsCompleted, "there is a fault, of nothing");
        var domain = host.CreateDomain(null, queue);
        try
        {
            domain.Attach(host.GetDevice(name));
            Console.WriteLine("      the kernel took the device into a domain with a queue");
        }
        catch (HostException refusal)
        {
            Checks.That(refusal.Message.Contains("cannot wait for pages"), refusal.Message);
            Console.WriteLine("      the kernel made a queue; the device cannot wait for pages");
        }

        // The queue first: the kernel keeps it for the domain's page table.
        queue.Dispose();
        bool isOver = false;
        try
        {
            await wait.WaitAsync(TimeSpan.FromSeconds(30));
        }
        catch (OperationCanceledException)
        {
            isOver = true;
        }

        Checks.That(isOver, "a wait did not end with its queue");
        domain.Dispose();
        host.CreateFaultQueue().Dispose();
    }
}
