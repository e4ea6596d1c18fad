namespace IommuKit.HostLab;

/// <summary>Runs checks, and counts those that fail.</summary>
internal sealed class Checks
{
    public int Failures { get; private set; }

    /// <summary>Fails a check.</summary>
    public static void That(bool holds, string what)
    {
        if (!holds)
        {
            throw new InvalidOperationException(what);
        }
    }

    public async Task Run(string name, Func<Task> check)
    {
        try
        {
            await check();
            Console.WriteLine($"ok    {name}");
        }
        catch (Exception failure)
        {
            Failures++;
            Console.WriteLine($"FAIL  {name}: {failure.GetType().Name}: {failure.Message}");
        }
    }
}
