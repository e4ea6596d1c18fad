using System.Collections.Concurrent;
using System.Globalization;
using System.Reflection;
using Xunit.Abstractions;
using Xunit.Sdk;

/// <summary>
/// Runs tests in the process of a test assembly, without a test platform around it: the runtime calls <see cref="Initialize"/> before the
/// assembly's own entry point (<c>DOTNET_STARTUP_HOOKS</c>), and the process ends at the first test that fails.
/// </summary>
#pragma warning disable MA0047 // The runtime looks for this name.
internal static class StartupHook
#pragma warning restore MA0047
{
    /// <summary>Parts of class names, with commas between, and of names to leave out after a minus sign.</summary>
    public const string Filter = "IOMMUKIT_MUTATE_FILTER";

    /// <summary>What the name of a class begins with that is most likely to notice the mutant: it runs before the others.</summary>
    public const string First = "IOMMUKIT_MUTATE_FIRST";

    /// <summary>The exit code if a test failed.</summary>
    public const int Failed = 1;

    /// <summary>The exit code if the tests could not be run at all.</summary>
    public const int Broken = 2;

    private const char Without = '-';

    private static readonly ConcurrentDictionary<string, decimal> Seconds = new(StringComparer.Ordinal);

    /// <summary>Runs the tests and ends the process.</summary>
    public static void Initialize()
    {
        // Not for processes that tests start.
        Environment.SetEnvironmentVariable("DOTNET_STARTUP_HOOKS", null);
        string file = Environment.GetCommandLineArgs()[0];
        string[] parts = (Environment.GetEnvironmentVariable(Filter) ?? string.Empty).Split(',', StringSplitOptions.RemoveEmptyEntries);
        string first = Environment.GetEnvironmentVariable(First) ?? string.Empty;
        int count = Run(file, parts, first);
        foreach (var (name, seconds) in Seconds.OrderByDescending(entry => entry.Value))
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{seconds:F2} s {name}"));
        }

        Environment.Exit(count == 0 ? Broken : 0);
    }

    private static int Run(string file, string[] parts, string first)
    {
        var name = AssemblyName.GetAssemblyName(file);
        using var framework = new XunitTestFramework(new Sink(_ => { }));
        using var discoverer = framework.GetDiscoverer(Reflector.Wrap(Assembly.Load(name)));
        using var executor = framework.GetExecutor(name);
        var found = new ConcurrentQueue<ITestCase>();
        using var discovered = new ManualResetEventSlim();
        discoverer.Find(
            includeSourceInformation: false,
            new Sink(message =>
            {
                if (message is ITestCaseDiscoveryMessage one)
                {
                    found.Enqueue(one.TestCase);
                }
                else if (message is IDiscoveryCompleteMessage)
                {
                    discovered.Set();
                }
            }),
            new Options());
        discovered.Wait();

        var chosen = found.Where(test => IsChosen(ClassOf(test), parts))
            .ToLookup(test => first.Length != 0 && ClassOf(test).Contains($".{first}", StringComparison.Ordinal));
        foreach (bool isFirst in new[] { true, false })
        {
            using var done = new ManualResetEventSlim();
            executor.RunTests(chosen[isFirst], new Sink(message => Watch(message, done)), new Options());
            done.Wait();
        }

        return chosen.Sum(tests => tests.Count());
    }

    private static bool IsChosen(string name, string[] parts) =>
        (parts.All(part => part[0] == Without) || parts.Any(part => name.Contains(part, StringComparison.Ordinal)))
        && !parts.Any(part => part[0] == Without && name.Contains(part[1..], StringComparison.Ordinal));

    private static string ClassOf(ITestCase test) => test.TestMethod.TestClass.Class.Name;

    private static void Watch(IMessageSinkMessage message, ManualResetEventSlim done)
    {
        switch (message)
        {
            case ITestPassed passed:
                Seconds.AddOrUpdate(ClassOf(passed.TestCase), passed.ExecutionTime, (_, sum) => sum + passed.ExecutionTime);
                break;
            case ITestFailed failed:
                Fail(failed.Test.DisplayName, failed);
                break;
            case ITestAssemblyFinished:
                done.Set();
                break;
            case IFailureInformation error:
                Fail("outside a test", error);
                break;
        }
    }

    private static void Fail(string name, IFailureInformation failure)
    {
        Console.WriteLine($"FAILED {name}: {failure.Messages.FirstOrDefault()}");
        Console.Out.Flush();

        // Nothing that is under way is of interest any more.
        Environment.Exit(Failed);
    }

    private sealed class Sink(Action<IMessageSinkMessage> action) : IMessageSink
    {
        public bool OnMessage(IMessageSinkMessage message)
        {
            action(message);
            return true;
        }
    }

    // None: all as it is by default.
    private sealed class Options : ITestFrameworkDiscoveryOptions, ITestFrameworkExecutionOptions
    {
        public TValue GetValue<TValue>(string name) => default!;

        public void SetValue<TValue>(string name, TValue value)
        {
            // Nobody does.
        }
    }
}
