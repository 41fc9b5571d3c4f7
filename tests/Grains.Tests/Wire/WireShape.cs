using System.Globalization;
using System.Reflection;
using System.Text;
using FaceSearch.Grains.Galleries;
using FaceSearch.Storage;
using Orleans;
using Orleans.Runtime;

namespace FaceSearch.Grains.Tests.Wire;

/// <summary>
/// Everything by which two versions understand each other, read off the types: the aliases of grain interfaces and their methods with what they
/// take and return, the aliases and field ids of records, the numbers of enum members, the names of grains, and the names of what is stored as JSON.
/// </summary>
internal static class WireShape
{
    private static readonly Assembly[] Assemblies = [typeof(IGalleryGrain).Assembly, typeof(ITemplateLog).Assembly, typeof(GalleryGrain).Assembly];

    /// <summary>One line an item, each to be understood alone; ordinal order.</summary>
    public static string[] Lines()
    {
        Type[] all = [.. Assemblies.SelectMany(a => a.GetTypes())];
        Type[] interfaces = [.. all.Where(t => t.IsInterface && typeof(IAddressable).IsAssignableFrom(t))];
        Type[] records = [.. all.Where(t => t.IsDefined(typeof(GenerateSerializerAttribute)))];
        Type[] grains = [.. all.Where(t => t is { IsClass: true, IsAbstract: false } && typeof(IGrain).IsAssignableFrom(t) && typeof(Grain).IsAssignableFrom(t))];
        HashSet<Type> stored = Reach(grains.SelectMany(States).Select(s => s.State));
        HashSet<Type> sent = Reach(records.Concat(interfaces.SelectMany(Methods).SelectMany(m => m.GetParameters().Select(p => p.ParameterType).Append(m.ReturnType))));
        IEnumerable<string> lines =
        [
            .. interfaces.SelectMany(Interface),
            .. records.SelectMany(r => Record(r, stored.Contains(r))),
            .. sent.Where(t => t.IsEnum && Assemblies.Contains(t.Assembly)).SelectMany(Enum),
            .. grains.SelectMany(GrainClass),
        ];
        return [.. lines.Order(StringComparer.Ordinal)];
    }

    /// <summary>Grain interfaces, their methods and serialised types whose name on the wire is that in the code.</summary>
    public static string[] WithoutAlias()
    {
        Type[] all = [.. Assemblies.SelectMany(a => a.GetTypes())];
        Type[] interfaces = [.. all.Where(t => t.IsInterface && typeof(IAddressable).IsAssignableFrom(t))];
        return [.. all.Where(t => t.IsDefined(typeof(GenerateSerializerAttribute))).Concat(interfaces).Cast<MemberInfo>().Concat(interfaces.SelectMany(Methods))
            .Where(m => !m.IsDefined(typeof(AliasAttribute), false)).Select(m => m.DeclaringType is { } type ? $"{type.Name}.{m.Name}" : m.Name)];
    }

    private static IEnumerable<MethodInfo> Methods(Type type) => type.GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly).Where(m => m.IsAbstract);

    private static IEnumerable<string> Interface(Type type)
    {
        yield return $"interface {Name(type)} key {string.Join(", ", type.GetInterfaces().Select(i => i.Name).Where(n => n.StartsWith("IGrainWith", StringComparison.Ordinal)))}";
        foreach (MethodInfo method in Methods(type))
            yield return $"interface {Name(type)} method {method.GetCustomAttribute<AliasAttribute>()?.Alias ?? method.Name}({string.Join(", ", method.GetParameters().Select(p => Name(p.ParameterType)))}): {Name(method.ReturnType)}";
    }

    private static IEnumerable<string> Record(Type type, bool isStored)
    {
        yield return $"type {Name(type)}{(type.BaseType is { } parent && Assemblies.Contains(parent.Assembly) ? $" of {Name(parent)}" : "")}{(isStored ? $" stored as {type.FullName}" : "")}";
        foreach ((uint id, MemberInfo member, Type of) in Fields(type))
            yield return string.Create(CultureInfo.InvariantCulture, $"type {Name(type)} field {id:d2}: {Name(of)}{(isStored ? $" stored as {member.Name}" : "")}");
    }

    private static IEnumerable<string> Enum(Type type)
    {
        foreach (object value in System.Enum.GetValuesAsUnderlyingType(type))
            yield return string.Create(CultureInfo.InvariantCulture, $"enum {Name(type)}: {System.Enum.GetUnderlyingType(type).Name} {value:d3} is {System.Enum.GetName(type, value)}");
    }

    private static IEnumerable<string> GrainClass(Type type)
    {
        string name = type.Name.ToLowerInvariant();
        name = type.GetCustomAttribute<GrainTypeAttribute>()?.GetGrainType(null!, type).ToString() ?? (name.EndsWith("grain", StringComparison.Ordinal) ? name[..^"grain".Length] : name);
        foreach (Type served in type.GetInterfaces().Where(i => typeof(IAddressable).IsAssignableFrom(i) && Assemblies.Contains(i.Assembly)))
            yield return $"grain {name} serves {Name(served)}";
        foreach ((string state, Type of) in States(type))
            yield return $"grain {name} stores {state}: {Name(of)}";
    }

    private static IEnumerable<(string Name, Type State)> States(Type grain) => grain.GetConstructors().SelectMany(c => c.GetParameters())
        .Where(p => p.ParameterType is { IsGenericType: true } t && t.GetGenericTypeDefinition() == typeof(IPersistentState<>))
        .Select(p => (p.GetCustomAttribute<PersistentStateAttribute>()!.StateName, p.ParameterType.GetGenericArguments()[0]));

    private static IEnumerable<(uint Id, MemberInfo Member, Type Type)> Fields(Type type) =>
        type.GetMembers(BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.DeclaredOnly)
            .Where(m => m.IsDefined(typeof(IdAttribute), false))
            .Select(m => (m.GetCustomAttribute<IdAttribute>()!.Id, m, m is PropertyInfo p ? p.PropertyType : ((FieldInfo)m).FieldType));

    /// <summary>The types, and those of their fields, and so on.</summary>
    private static HashSet<Type> Reach(IEnumerable<Type> types)
    {
        HashSet<Type> found = [];
        Stack<Type> next = new(types);
        while (next.TryPop(out Type? type))
        {
            if (!found.Add(type))
                continue;
            foreach (Type inner in type.GetGenericArguments().Concat(type.HasElementType ? [type.GetElementType()!] : []).Concat(Fields(type).Select(f => f.Type)))
                next.Push(inner);
        }
        return found;
    }

    private static string Name(Type type)
    {
        if (type.IsArray)
            return $"{Name(type.GetElementType()!)}[]";
        string name = type.GetCustomAttribute<AliasAttribute>(false)?.Alias ?? (Assemblies.Contains(type.Assembly) ? type.FullName! : type.Name);
        return !type.IsGenericType ? name : new StringBuilder(name.Split('`')[0]).Append('<').AppendJoin(", ", type.GetGenericArguments().Select(Name)).Append('>').ToString();
    }
}
